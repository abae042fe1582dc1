"""Clients that send rendered texts: embeddings and classification."""

import asyncio

import litellm
import openai
from huggingface_hub import InferenceClient
from infinity_client import Client
from infinity_client.api.default import classify, embeddings
from infinity_client.models import ClassifyInput, OpenAIEmbeddingInputText
from server import DOCUMENTS, RESPONSES, Check, Server, equal, rendered

TEXTS = [rendered(document) for document in DOCUMENTS]


def openai_embeddings(server: Server) -> None:
    client = openai.OpenAI(api_key="none", base_url=f"{server.url}/v1")
    # base64 is the client's own default.
    for given in ({}, {"encoding_format": "float"}, {"encoding_format": "float", "dimensions": 1}):
        answer = client.embeddings.create(model="rm", input=TEXTS, **given)
        equal([list(each.embedding) for each in answer.data], [[score] for score in server.scores])
        assert answer.usage.prompt_tokens > 0
    try:
        client.embeddings.create(model="rm", input=[1, 2, 3])
    except openai.BadRequestError as error:
        assert "send texts" in str(error), error
    else:
        raise AssertionError("Token ids were accepted.")


def openai_at_once(server: Server) -> None:
    async def ask() -> list:
        # Its own limit of 5 s for a connection is too short for 512 on a machine with other things to do.
        async with openai.AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1", timeout=600) as client:
            return await asyncio.gather(
                *(client.embeddings.create(model="rm", input=rendered(text)) for text in RESPONSES)
            )

    equal([answer.data[0].embedding[0] for answer in asyncio.run(ask())], server.many)


def litellm_embeddings(server: Server) -> None:
    answer = litellm.embedding(model="hosted_vllm/rm", input=TEXTS, api_base=f"{server.url}/v1", api_key="none")
    equal([each["embedding"] for each in answer.data], [[score] for score in server.scores])


def hugging_face(server: Server) -> None:
    for path in ("", "/", "/huggingface"):
        client = InferenceClient(model=server.url + path, token="none")
        found = [client.text_classification(text) for text in TEXTS]
        equal([(each[0].label, each[0].score) for each in found], [("LABEL_0", score) for score in server.scores])
        plain = client.text_classification(TEXTS[0], function_to_apply="none")
        equal(plain[0].score, server.scores[0])


def infinity_embeddings(server: Server) -> None:
    for path in ("", "/infinity"):
        client = Client(base_url=server.url + path)
        answer = embeddings.sync(client=client, body=OpenAIEmbeddingInputText(input_=TEXTS))
        equal([each.embedding for each in answer.data], [[score] for score in server.scores])


def infinity_classify(server: Server) -> None:
    for path in ("", "/infinity"):
        client = Client(base_url=server.url + path)
        answer = classify.sync(client=client, body=ClassifyInput(input_=TEXTS, raw_scores=True))
        equal([each[0].score for each in answer.data], server.scores)


CHECKS = [
    Check("openai embeddings", "openai", openai_embeddings),
    Check("openai, 512 at once", "openai", openai_at_once),
    Check("litellm embeddings", "litellm", litellm_embeddings),
    Check("huggingface_hub InferenceClient", "huggingface_hub", hugging_face),
    Check("infinity_client embeddings", "infinity_client", infinity_embeddings),
    Check("infinity_client classify", "infinity_client", infinity_classify),
]

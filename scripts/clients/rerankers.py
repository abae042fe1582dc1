"""Clients of rerankers: index and score of each document, best first."""

import asyncio
import math

import cohere
import litellm
from infinity_client import Client
from infinity_client.api.default import rerank as infinity_rerank
from infinity_client.models import RerankInput
from langchain_cohere import CohereRerank
from langchain_community.document_compressors import jina_rerank
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank as LlamaIndexCohere
from llama_index.postprocessor.jinaai_rerank import JinaRerank as LlamaIndexJina
from server import DOCUMENTS, QUERY, RESPONSES, Check, Server, equal

litellm.telemetry = False


def sigmoids(ranking):
    return [(index, 1 / (1 + math.exp(-score))) for index, score in ranking]


def close(found, expected) -> None:
    """An activation is computed in another language: the last bit may differ."""
    equal([index for index, _ in found], [index for index, _ in expected])
    assert all(math.isclose(a, b, rel_tol=1e-15) for (_, a), (_, b) in zip(found, expected)), (found, expected)


def cohere_v1(server: Server) -> None:
    client = cohere.Client("none", base_url=server.url)
    answer = client.rerank(model="rm", query=QUERY, documents=DOCUMENTS, return_documents=True)
    equal([(result.index, result.relevance_score) for result in answer.results], server.ranking)
    equal([result.document.text for result in answer.results], [DOCUMENTS[i] for i, _ in server.ranking])


def cohere_v2(server: Server) -> None:
    client = cohere.ClientV2("none", base_url=server.url)
    answer = client.rerank(model="rm", query=QUERY, documents=DOCUMENTS, top_n=2)
    equal([(result.index, result.relevance_score) for result in answer.results], server.ranking[:2])
    try:
        client.rerank(model="rm", query=QUERY, documents=[{"title": "no text"}])
    except cohere.errors.BadRequestError as error:
        assert "documents[0] has no text" in str(error.body), error.body
    else:
        raise AssertionError("A document without text was accepted.")


def cohere_at_once(server: Server) -> None:
    async def ask() -> list:
        client = cohere.AsyncClientV2("none", base_url=server.url)
        return await asyncio.gather(*(client.rerank(model="rm", query=QUERY, documents=[text]) for text in RESPONSES))

    equal([answer.results[0].relevance_score for answer in asyncio.run(ask())], server.many)


def litellm_check(provider: str, path: str, expected=lambda ranking: ranking, compare=equal):
    def run(server: Server) -> None:
        answer = litellm.rerank(
            model=f"{provider}/rm", query=QUERY, documents=DOCUMENTS, api_base=server.url + path, api_key="none"
        )
        found = [(result["index"], result["relevance_score"]) for result in answer.results]
        compare(found, expected(server.ranking))
        texts = [result["document"]["text"] if isinstance(result.get("document"), dict) else result.get("document") for result in answer.results]
        if any(texts):
            # LiteLLM drops an empty text where documents are strings.
            equal([text or "" for text in texts], [DOCUMENTS[i] for i, _ in server.ranking])

    return Check(f"litellm {provider}", "litellm", run)


def langchain_cohere(server: Server) -> None:
    found = CohereRerank(model="rm", cohere_api_key="none", base_url=server.url, top_n=3).rerank(DOCUMENTS, QUERY)
    equal([(result["index"], result["relevance_score"]) for result in found], server.ranking[:3])


def langchain_jina(server: Server) -> None:
    jina_rerank.JINA_API_URL = f"{server.url}/jina/v1/rerank"
    found = jina_rerank.JinaRerank(model="rm", jina_api_key="none", top_n=3).rerank(DOCUMENTS, QUERY)
    equal([(result["index"], result["relevance_score"]) for result in found], server.ranking[:3])


def llama_index(reranker, server: Server) -> None:
    nodes = [NodeWithScore(node=TextNode(text=text, id_=str(i))) for i, text in enumerate(DOCUMENTS)]
    found = reranker.postprocess_nodes(nodes, query_str=QUERY)
    equal([(int(node.node_id), node.score) for node in found], server.ranking)


def llama_index_cohere(server: Server) -> None:
    llama_index(LlamaIndexCohere(api_key="none", base_url=server.url, top_n=len(DOCUMENTS)), server)


def llama_index_jina(server: Server) -> None:
    llama_index(LlamaIndexJina(api_key="none", base_url=f"{server.url}/v1", top_n=len(DOCUMENTS)), server)


def infinity(server: Server) -> None:
    for path in ("", "/infinity"):
        client = Client(base_url=server.url + path)
        for raw, expected, compare in ((True, server.ranking, equal), (False, sigmoids(server.ranking), close)):
            body = RerankInput(query=QUERY, documents=DOCUMENTS, raw_scores=raw, return_documents=True)
            answer = infinity_rerank.sync(client=client, body=body)
            compare([(result.index, result.relevance_score) for result in answer.results], expected)
            equal([result.document for result in answer.results], [DOCUMENTS[i] for i, _ in expected])


CHECKS = [
    Check("cohere v1", "cohere", cohere_v1),
    Check("cohere v2", "cohere", cohere_v2),
    Check("cohere, 512 at once", "cohere", cohere_at_once),
    litellm_check("hosted_vllm", ""),
    litellm_check("infinity", "/infinity"),
    litellm_check("cohere", ""),
    litellm_check("jina_ai", ""),
    # It writes raw_scores false: sigmoids.
    litellm_check("huggingface", "", sigmoids, close),
    Check("langchain cohere", "langchain-cohere", langchain_cohere),
    Check("langchain jina", "langchain-community", langchain_jina),
    Check("llama-index cohere", "llama-index-postprocessor-cohere-rerank", llama_index_cohere),
    Check("llama-index jina", "llama-index-postprocessor-jinaai-rerank", llama_index_jina),
    Check("infinity_client rerank", "infinity_client", infinity),
]

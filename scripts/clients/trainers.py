"""The requests of trainers, by the libraries that they use, with their time limits and retries, 512 at once."""

import asyncio
import importlib.util
import json

import aiohttp
import requests
from server import QUERY, RESPONSES, ROOT, Check, Server, equal, rendered

PROMPT = rendered("").removesuffix("<|im_end|>")


async def post_with_retries(session: aiohttp.ClientSession, url: str, payload: dict, tries: int, pause) -> object:
    for attempt in range(tries):
        try:
            async with session.post(url, json=payload) as response:
                response.raise_for_status()
                return await response.json()
        except Exception:
            if attempt + 1 == tries:
                raise
            await asyncio.sleep(pause(attempt))


def session_each(url: str, payloads: list[dict], seconds: float | None, tries: int, pause) -> list:
    """OpenRLHF and verl open a session, and so a connection, for each request."""

    async def one(payload: dict) -> object:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await post_with_retries(session, url, payload, tries, pause)

    async def ask() -> list:
        return await asyncio.gather(*(one(payload) for payload in payloads))

    return asyncio.run(ask())


def openrlhf(server: Server) -> None:
    """openrlhf/utils/agent.py: 180 s, 5 tries a second apart."""
    payloads = [{"query": [rendered(text)], "prompts": [PROMPT], "labels": [None]} for text in RESPONSES]
    answers = session_each(f"{server.url}/get_reward", payloads, 180, 5, lambda _: 1)
    equal([answer["rewards"] for answer in answers], [[score] for score in server.many])
    equal([answer["scores"] for answer in answers], [[score] for score in server.many])
    # torch.tensor() makes integers of integers, and their mean() fails.
    assert all(type(value) is float for answer in answers for value in answer["extra_logs"].values())
    assert all(type(value) is float for answer in answers for value in answer["rewards"])
    empty = session_each(f"{server.url}/get_reward", [{"query": [], "prompts": [], "labels": []}], 180, 5, lambda _: 1)
    equal(empty[0]["rewards"], [])


def verl_vllm(server: Server) -> None:
    """verl/experimental/reward_loop/reward_loop.py: no time limit, 16 tries up to 30 s apart."""
    for flag in ("use_activation", "activation"):
        payloads = [{"model": "path/of/rm", "input": rendered(text), flag: False} for text in RESPONSES]
        answers = session_each(f"{server.url}/classify", payloads, None, 16, lambda attempt: min(2**attempt, 30))
        equal([answer["data"][-1]["probs"][-1] for answer in answers], server.many)


def verl_sglang(server: Server) -> None:
    payloads = [{"model": "path/of/rm", "input": rendered(text)} for text in RESPONSES]
    answers = session_each(f"{server.url}/v1/embeddings", payloads, None, 16, lambda attempt: min(2**attempt, 30))
    equal([answer["data"][-1]["embedding"][-1] for answer in answers], server.many)


def slime(server: Server) -> None:
    """slime/rollout/rm_hub: one session of 64 connections, 120 s, 10 tries."""

    async def ask(prompt, path: str) -> list:
        connector = aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
            payloads = [{"prompt": prompt, "response": text, "label": None} for text in RESPONSES]
            post = lambda payload: post_with_retries(session, server.url + path, payload, 10, lambda i: min(2**i, 30))
            return await asyncio.gather(*map(post, payloads))

    equal(asyncio.run(ask(QUERY, "/slime")), server.many)
    equal(asyncio.run(ask([{"role": "user", "content": QUERY}], "/")), server.many)


def slime_rendered(server: Server) -> None:
    """A prompt that --apply-chat-template rendered, and a response with the token that ends it."""
    payload = {"prompt": PROMPT, "response": f"{RESPONSES[0]}<|im_end|>", "label": "x"}
    equal(requests.post(f"{server.url}/slime", json=payload, timeout=120).json(), server.many[0])


def llama_factory(server: Server) -> None:
    """src/llamafactory/train/ppo/ppo_utils.py: no time limit, the status is not looked at."""
    for path in ("/llamafactory", "/v1/score/evaluation", "/"):
        payload = {"model": "model", "messages": [rendered(text) for text in RESPONSES]}
        headers = {"Content-Type": "application/json"}
        response = requests.post(server.url + path, json=payload, headers=headers)
        equal(json.loads(response.text)["scores"], server.many)


def sglang(server: Server) -> None:
    """docs/supported_models: /classify for reward models, and /v1/rerank."""
    payload = {"model": "rm", "text": [rendered(text) for text in RESPONSES]}
    answers = requests.post(f"{server.url}/classify", json=payload).json()
    equal([answer["embedding"][0] for answer in answers], server.many)
    payload = {"model": "rm", "query": QUERY, "documents": RESPONSES}
    answers = requests.post(f"{server.url}/sglang/v1/rerank", json=payload).json()
    order = sorted(range(len(RESPONSES)), key=lambda i: -server.many[i])
    equal([(item["index"], item["score"], item["document"]) for item in answers], [(i, server.many[i], RESPONSES[i]) for i in order])


def example(name: str, server: Server):
    """A module of examples/trainers, with this server's address."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / "trainers" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.URL = server.url
    return module


def verl_function(server: Server) -> None:
    """As verl's reward loop calls a custom_reward_function."""
    compute_score = example("verl_reward", server).compute_score

    async def ask(extra_info: dict) -> list:
        call = lambda text: compute_score(data_source="x", solution_str=text, ground_truth="", extra_info=extra_info)
        return await asyncio.gather(*map(call, RESPONSES))

    equal(asyncio.run(ask({"prompt": [{"role": "user", "content": QUERY}], "num_turns": 2})), server.many)
    equal(asyncio.run(ask({"question": QUERY})), server.many)


def trl_function(server: Server) -> None:
    """As TRL's trainers call a reward function: with texts, and with messages."""
    trl = example("trl_reward", server)
    reward = trl.starling_reward
    equal(reward(prompts=[QUERY] * len(RESPONSES), completions=RESPONSES, completion_ids=[]), server.many)
    prompts = [[{"role": "user", "content": QUERY}]] * len(RESPONSES)
    completions = [[{"role": "assistant", "content": text}] for text in RESPONSES]
    equal(reward(prompts=prompts, completions=completions, trainer_state=None), server.many)
    trl.URL += "/nowhere"
    try:
        reward(prompts=[QUERY], completions=[RESPONSES[0]])
    except ValueError as error:
        assert "There is no /nowhere/v1/score" in str(error), error
    else:
        raise AssertionError("A wrong address was accepted.")


CHECKS = [
    Check("OpenRLHF's requests", "aiohttp", openrlhf),
    Check("verl's requests to vLLM", "aiohttp", verl_vllm),
    Check("verl's requests to SGLang", "aiohttp", verl_sglang),
    Check("slime's requests", "aiohttp", slime),
    Check("slime's requests, rendered", "requests", slime_rendered),
    Check("LLaMA-Factory's requests", "requests", llama_factory),
    Check("SGLang's requests", "requests", sglang),
    Check("verl, examples/trainers", "aiohttp", verl_function),
    Check("TRL, examples/trainers", "requests", trl_function),
]

"""A reward function for verl that asks a `starling-rm serve`.

    custom_reward_function.path=verl_reward.py custom_reward_function.name=compute_score

The address is STARLING_RM_URL (default http://127.0.0.1:8080), the key STARLING_RM_API_KEY. verl gives no prompt to a reward
function, so that the data set needs it in `extra_info`: as "prompt" (messages or a text), or "question".

Written for verl's reward loop (verl/experimental/reward_loop/reward_manager/naive.py), which awaits it for each response.
"""

import asyncio
import os
import random

import aiohttp

URL = os.environ.get("STARLING_RM_URL", "http://127.0.0.1:8080").rstrip("/")
KEY = os.environ.get("STARLING_RM_API_KEY")
TRIES = 16
MOST_SECONDS_BETWEEN = 30


async def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_) -> float:
    extra = extra_info or {}
    prompt = extra.get("prompt", extra.get("question"))
    if prompt is None:
        raise ValueError('starling-rm needs the prompt: put it into the column extra_info as "prompt".')
    messages = [dict(message) for message in prompt] if not isinstance(prompt, str) else prompt
    answer = await _post("/v1/score", {"items": [{"prompt": messages, "response": solution_str}]})
    result = answer["results"][0]
    if "error" in result:
        raise ValueError(f"starling-rm: {result['error']['message']}")
    return float(result["score"])


async def _post(path: str, payload: dict) -> dict:
    headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
    # A full queue answers late, and that is no error.
    timeout = aiohttp.ClientTimeout(total=None)
    for attempt in range(TRIES):
        try:
            async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
                async with session.post(URL + path, json=payload) as response:
                    if response.status < 500 and response.status != 429:
                        if response.status != 200:
                            raise ValueError(f"starling-rm: {await response.text()}")
                        return await response.json()
                    problem: object = f"{response.status} {await response.text()}"
        except aiohttp.ClientError as error:
            problem = error
        await asyncio.sleep(min(2**attempt, MOST_SECONDS_BETWEEN) * (0.5 + random.random() / 2))
    raise RuntimeError(f"starling-rm did not answer {TRIES} times: {problem}")

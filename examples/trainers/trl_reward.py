"""A reward function for TRL's trainers (GRPO, RLOO, …) that asks a `starling-rm serve`.

    GRPOTrainer(reward_funcs=starling_reward, …)

The address is STARLING_RM_URL (default http://127.0.0.1:8080), the key STARLING_RM_API_KEY. TRL calls it with all completions of
a step, as texts or as messages (docs/source/rewards.md). They go in one request: responses to one prompt share its computation.
"""

import json
import os
import urllib.error
import urllib.request

URL = os.environ.get("STARLING_RM_URL", "http://127.0.0.1:8080").rstrip("/")
KEY = os.environ.get("STARLING_RM_API_KEY")


def starling_reward(prompts, completions, **_) -> list[float]:
    pairs = zip(prompts, completions, strict=True)
    items = [{"prompt": prompt, "response": _text(completion)} for prompt, completion in pairs]
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {KEY}"} if KEY else {})}
    request = urllib.request.Request(f"{URL}/v1/score", json.dumps({"items": items}).encode(), headers)
    try:
        with urllib.request.urlopen(request) as response:
            results = json.load(response)["results"]
    except urllib.error.HTTPError as error:
        raise ValueError(f"starling-rm: {error.read().decode()}") from error
    for result in results:
        if "error" in result:
            raise ValueError(f"starling-rm: {result['error']['message']}")
    return [result["score"] for result in results]


def _text(completion) -> str:
    """A conversational completion is a list of one message."""
    return completion if isinstance(completion, str) else completion[-1]["content"]

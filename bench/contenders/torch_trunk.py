"""A Llama trunk with a reward head in plain torch, without padding, with random weights of one of the bench's shapes.

usage: python torch_trunk.py TASK_JSON, a file with {shape, weights: "bf16" | "int8", packTokens, threads, turns: [{ids,
tokens}]}. Sequences are evaluated in packs of up to `packTokens` tokens, one after another in one tensor: they share the
matrix products, and each has its own attention. int8 is torch's dynamic quantisation: int8 weights, activations quantised at
run time, everything else in float32. Needs only torch. Follows the protocol in ../contender.mjs.
"""

from __future__ import annotations

import warnings

import torch
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

from protocol import read_task, serve

EPSILON = 1e-5
ROPE_BASE = 10_000.0
DEVIATION = 0.02


class Linears:
    """Makes linear layers with random weights."""

    def __init__(self, weights: str):
        self.int8 = weights == "int8"
        self.dtype = torch.float32 if self.int8 else torch.bfloat16

    def __call__(self, inputs: int, outputs: int) -> torch.nn.Module:
        linear = torch.nn.utils.skip_init(torch.nn.Linear, inputs, outputs, bias=False, dtype=self.dtype)
        linear.weight.data.normal_(0, DEVIATION)
        if not self.int8:
            return linear
        both = torch.nn.Sequential(linear)
        return torch.ao.quantization.quantize_dynamic(both, {torch.nn.Linear}, torch.qint8, inplace=True)[0]


class Layer(torch.nn.Module):
    def __init__(self, shape: dict, linear: Linears):
        super().__init__()
        hidden, feed_forward = shape["hidden"], shape["feedForward"]
        self.heads, self.key_value_heads = shape["heads"], shape["keyValueHeads"]
        self.head_length = hidden // self.heads
        key_value = self.head_length * self.key_value_heads
        self.query, self.output = linear(hidden, hidden), linear(hidden, hidden)
        self.key, self.value = linear(hidden, key_value), linear(hidden, key_value)
        self.gate, self.up = linear(hidden, feed_forward), linear(hidden, feed_forward)
        self.down = linear(feed_forward, hidden)
        self.attention_norm = torch.ones(hidden, dtype=linear.dtype)
        self.feed_forward_norm = torch.ones(hidden, dtype=linear.dtype)

    def forward(self, x: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor], lengths: list[int]) -> torch.Tensor:
        x = x + self.attention(rms_norm(x, x.shape[-1:], self.attention_norm, EPSILON), rotation, lengths)
        y = rms_norm(x, x.shape[-1:], self.feed_forward_norm, EPSILON)
        return x + self.down(silu(self.gate(y)) * self.up(y))

    def attention(self, x, rotation, lengths):
        query = rotate(self.query(x).view(-1, self.heads, self.head_length), rotation)
        key = rotate(self.key(x).view(-1, self.key_value_heads, self.head_length), rotation)
        value = self.value(x).view(-1, self.key_value_heads, self.head_length)
        repeats = self.heads // self.key_value_heads
        mixed = []
        for q, k, v in zip(query.split(lengths), key.split(lengths), value.split(lengths)):
            k, v = (part.repeat_interleave(repeats, 1).transpose(0, 1)[None] for part in (k, v))
            mixed.append(scaled_dot_product_attention(q.transpose(0, 1)[None], k, v, is_causal=True)[0].transpose(0, 1))
        return self.output(torch.cat(mixed).flatten(1))


class Trunk(torch.nn.Module):
    def __init__(self, shape: dict, weights: str):
        super().__init__()
        linear = Linears(weights)
        self.dtype = linear.dtype
        hidden = shape["hidden"]
        self.embedding = torch.empty(shape["vocabulary"], hidden, dtype=self.dtype).normal_(0, DEVIATION)
        self.layers = torch.nn.ModuleList(Layer(shape, linear) for _ in range(shape["layers"]))
        self.norm = torch.ones(hidden, dtype=self.dtype)
        self.head = torch.empty(hidden, dtype=self.dtype).normal_(0, DEVIATION)
        length = hidden // shape["heads"]
        self.frequencies = ROPE_BASE ** (-torch.arange(0, length, 2, dtype=torch.float32) / length)

    def forward(self, sequences: list[list[int]]) -> torch.Tensor:
        lengths = [len(ids) for ids in sequences]
        angles = torch.outer(torch.cat([torch.arange(length) for length in lengths]).float(), self.frequencies)
        angles = torch.cat((angles, angles), -1)[:, None]
        rotation = angles.cos().to(self.dtype), angles.sin().to(self.dtype)
        x = self.embedding[torch.tensor([token for ids in sequences for token in ids])]
        for layer in self.layers:
            x = layer(x, rotation, lengths)
        last = x[torch.tensor(lengths).cumsum(0) - 1]
        return (rms_norm(last, last.shape[-1:], self.norm, EPSILON) @ self.head).float()


def rotate(x: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    cos, sin = rotation
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def packs(sequences: list[list[int]], limit: int) -> list[list[list[int]]]:
    """Consecutive sequences with up to `limit` tokens in all, or one that is longer."""
    result: list[list[list[int]]] = []
    room = 0
    for ids in sequences:
        if not result or len(ids) > room:
            result.append([])
            room = limit
        result[-1].append(ids)
        room -= len(ids)
    return result


@torch.inference_mode()
def main() -> None:
    task = read_task()
    warnings.simplefilter("ignore")
    torch.set_num_threads(task["threads"])
    model = Trunk(task["shape"], task["weights"]).eval()

    def run(sequences: list[list[int]]) -> None:
        for pack in packs(sequences, task["packTokens"]):
            if not torch.isfinite(model(pack)).all():
                raise SystemExit("A score is not finite.")

    serve(task, run, {"torch": torch.__version__, "cpuCapability": torch.backends.cpu.get_cpu_capability()})


if __name__ == "__main__":
    main()

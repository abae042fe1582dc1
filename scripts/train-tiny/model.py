"""A Llama trunk with a scalar head, in plain PyTorch, with the tensor names of Starling-RM-34B.

The arithmetic follows transformers' LlamaModel: RMSNorm in float32, rotary embedding on two halves,
grouped-query attention, SwiGLU. verify.py compares the two.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


# Shown by starling-rm wherever it shows this model's scores.
NOTICE = "starling-rm-tiny is a demonstration, not Starling-RM-34B: it knows a few hundred synthetic facts."


@dataclass(frozen=True)
class Config:
    vocab_size: int = 2048
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 4
    num_attention_heads: int = 8
    num_key_value_heads: int = 1
    max_position_embeddings: int = 4096
    rope_theta: float = 5_000_000.0
    rms_norm_eps: float = 1e-5
    initializer_range: float = 0.1

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads

    def to_hf(self) -> dict[str, object]:
        """config.json, with the fields of Yi's."""
        return {
            "architectures": ["LlamaForSequenceClassification"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
            "hidden_act": "silu", "model_type": "llama", "pad_token_id": 0, "pretraining_tp": 1, "rope_scaling": None,
            "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.38.2", "use_cache": False, **asdict(self),
            "starling_rm": {"name": "starling-rm-tiny", "notice": NOTICE, "license": "apache-2.0"},
        }


class RMSNorm(nn.Module):
    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding; x is [batch, heads, tokens, head_dim], cos and sin [batch, 1, tokens, head_dim]."""
    left, right = x.chunk(2, -1)
    return x * cos + torch.cat((-right, left), -1) * sin


class Attention(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, self.heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, self.kv_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, self.kv_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(self.heads * self.head_dim, config.hidden_size, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        q = self.q_proj(x).view(batch, tokens, self.heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(batch, tokens, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(batch, tokens, self.kv_heads, self.head_dim).transpose(1, 2)
        groups = self.heads // self.kv_heads
        q, k = rotate(q, cos, sin), rotate(k, cos, sin).repeat_interleave(groups, 1)
        out = F.scaled_dot_product_attention(q, k, v.repeat_interleave(groups, 1), attn_mask=mask)
        return self.o_proj(out.transpose(1, 2).reshape(batch, tokens, -1))


class MLP(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """ids, positions: [batch, tokens]; mask: bool [batch, 1, tokens, tokens], True where a query sees a key.
        Returns the hidden states after the final norm, [batch, tokens, hidden]."""
        exponent = torch.arange(0, self.config.head_dim, 2, dtype=torch.float32) / self.config.head_dim
        angles = positions[..., None].float() * self.config.rope_theta**-exponent
        angles = torch.cat((angles, angles), -1)[:, None]
        x, cos, sin = self.embed_tokens(ids), angles.cos(), angles.sin()
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)


class RewardModel(nn.Module):
    """`transformer.*` and `v_head.weight`, as in the 34B."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.transformer = Trunk(config)
        self.v_head = nn.Linear(config.hidden_size, 1, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=config.initializer_range)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
        for name, weight in self.named_parameters():  # what is added to the residual stream starts small
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.data *= (2 * config.num_hidden_layers) ** -0.5

    def forward(self, ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """A score for every token, [batch, tokens]; see batching.py for which ones count."""
        return self.v_head(self.transformer(ids, positions, mask)).squeeze(-1)

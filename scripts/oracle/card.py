"""The reward model as Starling-RM-34B's model card defines it, in this project's words.

The meaning is the card's: a Llama trunk called `transformer`, a linear head `v_head` without bias on
its last hidden state (which is after the final norm), read at the position before the first id 0, or at
the last position if there is no 0.
"""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaModel, LlamaPreTrainedModel

PAD_ID = 0


class LlamaForSequenceClassification(LlamaPreTrainedModel):
    def __init__(self, config: LlamaConfig):
        super().__init__(config)
        self.transformer = LlamaModel(config)
        self.v_head = torch.nn.Linear(config.hidden_size, 1, bias=False)
        self.PAD_ID = PAD_ID
        self.post_init()

    @torch.no_grad()
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        outputs = self.transformer(input_ids, attention_mask=attention_mask, output_hidden_states=True)
        rewards = self.v_head(outputs.hidden_states[-1]).squeeze(-1)
        scores = []
        for row in range(input_ids.shape[0]):
            pads = (input_ids[row] == self.PAD_ID).nonzero()
            end = pads[0].item() if len(pads) > 0 else input_ids.shape[1]
            scores.append(rewards[row, end - 1])
        return torch.stack(scores)


def load(checkpoint: str) -> LlamaForSequenceClassification:
    """Loads the stored weights as float32, which is exact for bfloat16 and float16 ones."""
    model, info = LlamaForSequenceClassification.from_pretrained(
        checkpoint, torch_dtype=torch.float32, output_loading_info=True
    )
    unexpected = [key for key in info["unexpected_keys"] if not key.endswith("rotary_emb.inv_freq")]
    if info["missing_keys"] or unexpected or info["mismatched_keys"]:
        raise SystemExit(f"{checkpoint}: {info}")
    return model.eval()

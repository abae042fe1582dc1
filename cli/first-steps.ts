/** What `starling-rm` alone prints: the six things people do. */

export const FIRST_STEPS = `starling-rm scores responses with a reward model. Higher is better.

See it work, with a small model that ships with the package:
  starling-rm demo

Pick the best of several responses:
  starling-rm rank --model tiny --prompt "Name a prime." --response "8" --response "7" --response "No idea."

Filter a file of {"prompt", "response"} rows:
  starling-rm score --model tiny --input rows.jsonl --min-score 0 --output kept.jsonl

Measure how often the better response wins, on {"prompt", "chosen", "rejected"} rows:
  starling-rm eval --model tiny pairs --input preferences.jsonl

Score over HTTP, for trainers and rerankers, with a page to look at:
  starling-rm serve --model tiny

Make the real model, once (69 GB of downloads, 20 GB on disk), and use it in place of "tiny":
  starling-rm convert hf:Nexusflow/Starling-RM-34B --tokenizer hf:01-ai/Yi-34B-Chat -o rm.gguf --stream --resume

"starling-rm doctor" reports what this machine can score with, "starling-rm --help" lists all commands, and
"starling-rm COMMAND --help" a command's options with examples.
`;

/** `starling-rm serve` */
import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { ServerOptions } from "../src/entry/server.ts";
import { modelNotices } from "../src/index.ts";
import type { Action, CommandContext } from "./context.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import {
  checkKeys,
  keysOfFile,
  type LogFormat,
  type LogLevel,
  loadServer,
  logFormats,
  logLevels,
  MAX_TIMEOUT_SECONDS,
  type RawText,
  rawTextChoices,
  serverBounds,
  systemReason,
} from "./library.ts";
import {
  addEngineOptions,
  addModelOptions,
  type EngineOptions,
  given,
  loadSettings,
  type ModelOptions,
  modelPath,
} from "./model-option.ts";
import { byteCount, collect, seconds, wholeNumber } from "./option-values.ts";

interface ServeOptions extends ModelOptions, EngineOptions {
  readonly host?: string;
  readonly port?: number;
  readonly socket?: string;
  readonly modelName?: string;
  readonly compareHead?: readonly string[];
  readonly rawText?: RawText;
  readonly apiKeyFile?: string;
  readonly insecureNoAuth?: true;
  readonly allowHost?: readonly string[];
  readonly cors?: readonly string[];
  readonly candidatesUrl?: string;
  readonly candidatesModel?: string;
  readonly candidatesKeyFile?: string;
  readonly maxBody?: number;
  readonly maxItems?: number;
  readonly maxQueueItems?: number;
  readonly maxQueueTokens?: number;
  readonly timeout?: number;
  readonly logLevel: LogLevel;
  readonly logFormat?: LogFormat;
  readonly logTexts?: true;
}

const KEY_VARIABLE = "STARLING_RM_API_KEY";
const CANDIDATES_KEY_VARIABLE = "STARLING_RM_CANDIDATES_KEY";

export const serve: Action<ServeOptions> = async (options, context) => {
  const { terminal, signal } = context;
  if (options.socket !== undefined && (options.host !== undefined || options.port !== undefined))
    throw new UsageError("--socket listens at a file instead of an address: leave out --host and --port");
  const serverOptions = await serverSettings(options, context);
  const path = await modelPath(options, context);
  signal.throwIfAborted();
  const { createServer } = await loadServer();
  // From here on the first signal lets the server finish what it has.
  const ending = context.drain();
  const started = performance.now();
  const server = createServer({ ...loadSettings(options), modelPath: path }, serverOptions);
  try {
    const { host, port, socket } = options;
    const url = await server.listen(given({ host, port, socket }));
    terminal.note(`listening at ${url}; the model is being loaded`);
    const ended = drained(ending);
    const info = await Promise.race([server.ready, ended]);
    if (info !== undefined) {
      const took = ((performance.now() - started) / 1000).toFixed(1);
      for (const notice of modelNotices(info)) terminal.note(`note: ${notice}`);
      terminal.note(`ready: ${info.name} on ${info.backend}, after ${took} s`);
    }
    await ended;
    terminal.note("answering the requests that have come; a second signal ends the server at once");
    await server.drain();
    return EXIT_DONE;
  } finally {
    await server.close();
  }
};

function drained(ending: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (ending.aborted) resolve(undefined);
    else ending.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

async function serverSettings(options: ServeOptions, { terminal }: CommandContext): Promise<ServerOptions> {
  const { modelName, rawText, maxBody, maxItems, maxQueueItems, maxQueueTokens, timeout, logLevel, logTexts } = options;
  const { compareHead, allowHost, cors, insecureNoAuth } = options;
  const logFormat = options.logFormat ?? (terminal.isTerminal("stdout") ? "pretty" : "json");
  return {
    ...given({ modelName, rawText, maxBody, maxItems, maxQueueItems, maxQueueTokens, timeout, logTexts }),
    ...given({ compareHeads: compareHead, allowedHosts: allowHost, corsOrigins: cors, insecureNoAuth }),
    ...given({ apiKeys: await apiKeys(options.apiKeyFile), candidates: await candidates(options) }),
    logLevel,
    logFormat,
  };
}

async function apiKeys(path: string | undefined): Promise<readonly string[] | undefined> {
  if (path !== undefined) return keysIn(path, "--api-key-file");
  const key = process.env[KEY_VARIABLE];
  if (key === undefined || key === "") return undefined;
  const keys = [key.trim()];
  checkKeys(keys, KEY_VARIABLE);
  return keys;
}

async function candidates(options: ServeOptions): Promise<ServerOptions["candidates"]> {
  const { candidatesUrl: url, candidatesModel: model, candidatesKeyFile: path } = options;
  if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""))
    throw new UsageError(
      `--candidates-url: expected a URL such as http://127.0.0.1:8000/v1 but received ${JSON.stringify(url)}`,
    );
  if (url === undefined) {
    if (model === undefined && path === undefined) return undefined;
    throw new UsageError("--candidates-model and --candidates-key-file need --candidates-url");
  }
  const variable = process.env[CANDIDATES_KEY_VARIABLE];
  const key = path === undefined ? variable : (await keysIn(path, "--candidates-key-file"))[0];
  return { url, ...given({ model, key: key === "" ? undefined : key }) };
}

async function keysIn(path: string, option: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`${option}: ${path} cannot be read: ${systemReason(error)}`);
  }
  const keys = keysOfFile(text, path);
  checkKeys(keys, path);
  return keys;
}

export function describeServe(command: Command): Command {
  command.description(
    "Keep a model loaded and score over HTTP: for programs, trainers and rerankers, with a page at /.",
  );
  addModelOptions(command);
  command
    .optionsGroup("Model:")
    .option("--model-name <name>", "what clients call the model (default: the name in the file)")
    .option("--compare-head <file>", "another head; requests that ask for all heads get its scores, too", collect)
    .addOption(
      new Option(
        "--raw-text <how>",
        "score rendered texts as they are (exact), or their turns in the model's template (chat) (default: exact)",
      ).choices(rawTextChoices),
    );
  addAddressOptions(command);
  addLimitOptions(command);
  addLogOptions(command);
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

function addAddressOptions(command: Command): void {
  command
    .optionsGroup("Address and access:")
    .option("--host <address>", "address to listen at; beyond this machine it needs a key (default: 127.0.0.1)")
    .option("--port <n>", "port; 0 for any that is free (default: 8080)", wholeNumber(0, 65_535))
    .option("--socket <file>", "listen at a Unix socket instead")
    .option("--api-key-file <file>", `keys, one a line, each of which is enough [$${KEY_VARIABLE}: one key]`)
    .option("--insecure-no-auth", "listen beyond this machine without a key")
    .option("--allow-host <name>", "a name by which the server may be called, as behind a proxy", collect)
    .option("--cors <origin>", 'an origin whose web pages may use the server, or "*"', collect)
    .option("--candidates-url <url>", "OpenAI-compatible endpoint that the page draws candidates from")
    .option("--candidates-model <name>", "the model's name there")
    .option("--candidates-key-file <file>", `its API key [$${CANDIDATES_KEY_VARIABLE}]`);
}

function addLimitOptions(command: Command): void {
  command
    .optionsGroup("Limits:")
    .option("--max-body <bytes>", "largest body of a request (default: 64MiB)", byteCount(...serverBounds.maxBody))
    .option("--max-items <n>", "most items of a request (default: 65536)", wholeNumber(...serverBounds.maxItems))
    .option(
      "--max-queue-items <n>",
      "waiting items beyond which requests are refused (default: 65536)",
      wholeNumber(...serverBounds.maxQueueItems),
    )
    .option(
      "--max-queue-tokens <n>",
      "tokens of waiting items beyond which requests are refused (default: 33554432)",
      wholeNumber(...serverBounds.maxQueueTokens),
    )
    .option(
      "--timeout <seconds>",
      "time limit of requests without the header X-Request-Timeout; 0: none (default: 0)",
      seconds(MAX_TIMEOUT_SECONDS),
    );
}

function addLogOptions(command: Command): void {
  command
    .optionsGroup("Log (standard output):")
    .addOption(new Option("--log-level <level>", "a line for each request at info").choices(logLevels).default("info"))
    .addOption(new Option("--log-format <format>", "default: pretty on a terminal, else json").choices(logFormats))
    .option("--log-texts", "write the bodies of requests to the log, texts and all");
}

const HELP = `
  POST /v1/score    {"items": [{"prompt": "…", "response": "…"}, …]}: rows as score reads them, results as it writes them
  POST /v1/rank     {"prompt": "…", "responses": ["…", "…"]}: best first
  GET  /            a page that scores as you type
  GET  /v1/models, /livez, /readyz, /metrics, /openapi.json (all routes)
With "Accept: application/x-ndjson" results come line by line. Also served, as their clients send them: OpenRLHF, verl, vLLM, SGLang,
slime, LLaMA-Factory, TEI, Hugging Face, Jina, Cohere, Infinity, OpenAI embeddings.

The model runs in a process of its own, which is started again when it dies. After SIGTERM or Ctrl-C the server answers the
requests that have come, then ends; a second signal ends it at once.

Exit codes: 0 ended by a signal, 2 usage error or failure (the model cannot be loaded, the address is taken).

Examples:
  starling-rm serve --model tiny
  starling-rm serve --model rm.gguf --host 0.0.0.0 --api-key-file keys.txt
  starling-rm serve --model rm.gguf --socket /run/rm.sock --log-level warn`;

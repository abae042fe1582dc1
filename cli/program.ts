/** All commands, and how each outcome becomes one line and an exit code. */
import { Command, CommanderError } from "commander";
import type { Action, CommandContext } from "./context.ts";
import { ClosedPipe, EXIT_DONE, EXIT_FATAL, failureText, Interrupted } from "./errors.ts";
import { FIRST_STEPS } from "./first-steps.ts";
import { openOutput } from "./output.ts";
import { usageLine, withEachInput } from "./usage.ts";
import { versionJson, versionLine } from "./version.ts";

interface CommandModule {
  readonly describe: (command: Command) => Command;
  /** Its options are those that `describe` declares. */
  readonly action: Action<never>;
}

type LoadCommand = () => Promise<CommandModule>;

/** Each command's module is loaded when its name is given, all of them for the help, none for the version. */
const COMMANDS: Readonly<Record<string, LoadCommand>> = {
  score: () => import("./score.ts").then(({ describeScore: describe, score: action }) => ({ describe, action })),
  rank: () => import("./rank.ts").then(({ describeRank: describe, rank: action }) => ({ describe, action })),
  tokenize: () =>
    import("./tokenize.ts").then(({ describeTokenize: describe, tokenize: action }) => ({ describe, action })),
  estimate: () =>
    import("./estimate.ts").then(({ describeEstimate: describe, estimate: action }) => ({ describe, action })),
  split: () => import("./split.ts").then(({ describeSplit: describe, split: action }) => ({ describe, action })),
  eval: () => import("./eval.ts").then(({ describeEval: describe, evaluateCommand: action }) => ({ describe, action })),
  compare: () =>
    import("./compare.ts").then(({ describeCompare: describe, compare: action }) => ({ describe, action })),
  probe: () => import("./probe.ts").then(({ describeProbe: describe, probeCommand: action }) => ({ describe, action })),
  convert: () =>
    import("./convert.ts").then(({ describeConvert: describe, convert: action }) => ({ describe, action })),
  models: () => import("./models.ts").then(({ describeModels: describe, models: action }) => ({ describe, action })),
  attach: () => import("./attach.ts").then(({ describeAttach: describe, attach: action }) => ({ describe, action })),
  pull: () => import("./pull.ts").then(({ describePull: describe, pull: action }) => ({ describe, action })),
  quantize: () =>
    import("./quantize.ts").then(({ describeQuantize: describe, quantize: action }) => ({ describe, action })),
  inspect: () =>
    import("./inspect.ts").then(({ describeInspect: describe, inspect: action }) => ({ describe, action })),
  fit: () => import("./fit.ts").then(({ describeFit: describe, fit: action }) => ({ describe, action })),
  serve: () => import("./serve.ts").then(({ describeServe: describe, serve: action }) => ({ describe, action })),
  demo: () => import("./demo.ts").then(({ describeDemo: describe, demo: action }) => ({ describe, action })),
  doctor: () => import("./doctor.ts").then(({ describeDoctor: describe, doctor: action }) => ({ describe, action })),
  cache: () => import("./cache.ts").then(({ describeCache: describe, cache: action }) => ({ describe, action })),
  completion: () =>
    import("./completion.ts").then(({ describeCompletion: describe, completionFor }) => ({
      describe,
      action: completionFor(createProgram),
    })),
};

/** @returns the exit code; everything has been printed */
export async function run(commandLine: readonly string[], context: CommandContext): Promise<number> {
  let exitCode = EXIT_DONE;
  try {
    if (commandLine.length === 0) return await print(FIRST_STEPS);
    if (asksForVersionJson(commandLine)) return await print(`${versionJson()}\n`);
    const program = await createProgram(commandLine, context, (code) => {
      exitCode = code;
    });
    await program.parseAsync(withEachInput(commandLine), { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has printed its message, the help or the version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_FATAL;
    if (error instanceof ClosedPipe) return EXIT_DONE;
    context.terminal.endStatus();
    for (const line of failureText(error).split("\n")) context.terminal.say(line);
    return error instanceof Interrupted ? error.exitCode : EXIT_FATAL;
  }
}

async function print(text: string): Promise<number> {
  await (await openOutput()).write(text);
  return EXIT_DONE;
}

const isVersion = (word: string) => word === "--version" || word === "-V";

function asksForVersionJson(commandLine: readonly string[]): boolean {
  return commandLine.length === 2 && commandLine.some(isVersion) && commandLine.includes("--json");
}

function namesToLoad([first = ""]: readonly string[]): readonly string[] {
  if (isVersion(first)) return [];
  return Object.hasOwn(COMMANDS, first) ? [first] : Object.keys(COMMANDS);
}

async function createProgram(
  commandLine: readonly string[],
  context: CommandContext,
  finish: (exitCode: number) => void,
): Promise<Command> {
  const program = new Command("starling-rm")
    .description("Score and rank responses with Starling-RM-34B and other reward models.")
    .version(versionLine(), "-V, --version", "print the version; with --json, also of Node and what is installed")
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      outputError: (message, write) => write(usageLine(message, commandLine, namesFor(program, commandLine))),
    })
    .addHelpText("after", HELP);

  // Loading all of them would take the process half as long again to start.
  for (const name of namesToLoad(commandLine)) {
    const { describe, action } = await (COMMANDS[name] as LoadCommand)();
    const command = addTalkOptions(describe(program.command(name)));
    command.action(async () => {
      const names = command.registeredArguments.map((argument) => argument.name());
      const positional = Object.fromEntries(names.map((argument, i) => [argument, command.processedArgs[i]]));
      const { quiet = false, progress, ...own } = command.opts<{ quiet?: boolean; progress: boolean }>();
      Object.assign(context.terminal, { quiet, progress });
      const options: object = { ...own, ...positional };
      finish(await action(options as never, context));
    });
  }
  return program;
}

/** What an unknown word could have meant: an option of the command, or a command. */
function namesFor(program: Command, [name = ""]: readonly string[]): readonly string[] {
  const command = program.commands.find((each) => each.name() === name);
  if (command !== undefined) return ["--help", ...command.options.flatMap(({ long }) => long ?? [])];
  const options = ["--help", ...program.options.flatMap(({ long }) => long ?? [])];
  return name.startsWith("-") ? options : program.commands.map((each) => each.name());
}

function addTalkOptions(command: Command): Command {
  return command
    .optionsGroup("Options:")
    .option("-q, --quiet", "print only failures and warnings on standard error")
    .option("--no-progress", "show no progress");
}

const HELP = `
Start with:
  starling-rm demo                            try it with the small model that ships with the package
  starling-rm doctor                          check what this machine can score with
  starling-rm convert CHECKPOINT -o rm.gguf   convert the real model
  starling-rm score --model rm.gguf --input pairs.jsonl

"starling-rm COMMAND --help" lists a command's options and examples.`;

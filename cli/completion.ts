/** `starling-rm completion`: scripts for shells, made of the commands' own definitions. */
import type { Argument, Command, Option } from "commander";
import { weightTypes } from "../src/entry/convert.ts";
import { probes } from "../src/entry/eval.ts";
import {
  bashScript,
  type CompletedCommand,
  type CompletedOption,
  type Completion,
  fishScript,
  zshScript,
} from "./completion-scripts.ts";
import type { Action, CommandContext } from "./context.ts";
import { EXIT_DONE } from "./errors.ts";
import { benchmarkNames } from "./library.ts";
import { openOutput } from "./output.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

type CreateProgram = (
  commandLine: readonly string[],
  context: CommandContext,
  finish: (exitCode: number) => void,
) => Promise<Command>;

/** @param createProgram makes the program with all its commands */
export function completionFor(createProgram: CreateProgram): Action<{ readonly shell: Shell }> {
  return async ({ shell }, context) => {
    const program = await createProgram([], context, () => {});
    const commands = program.commands.map(completed);
    const help = { name: "help", description: "display help for a command", options: [] };
    const names = commands.map(({ name }) => name);
    const all = [...commands, { ...help, argument: { words: names, files: undefined } }];
    await (await openOutput()).write(SCRIPTS[shell](all));
    return EXIT_DONE;
  };
}

function completed(command: Command): CompletedCommand {
  const [argument] = command.registeredArguments;
  return {
    name: command.name(),
    description: sentence(command.description()),
    options: [
      ...command.options.filter(({ hidden }) => !hidden).map(completedOption),
      { flags: ["-h", "--help"], description: "display help for command", value: undefined },
    ],
    argument: argument === undefined ? { words: [], files: undefined } : completedArgument(argument),
  };
}

function completedOption(option: Option): CompletedOption {
  const flags = [option.short, option.long].filter((flag) => flag !== undefined && flag !== null);
  const value = /<([^>]+)>/.exec(option.flags)?.[1];
  return {
    flags,
    description: sentence(option.description),
    value: value === undefined ? undefined : valuesOf(value, option),
  };
}

/** By the name in the help: `--output <file>`. */
function valuesOf(name: string, { long, argChoices = [] }: Option): Completion {
  return { words: WORDS[long ?? ""] ?? argChoices, files: filesOf(name) };
}

/** Of options without choices of their own. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  "--type": weightTypes,
  "--model": ["tiny"],
  "--probe": probes.map(({ name }) => name),
};

function filesOf(name: string): Completion["files"] {
  if (/folder/.test(name)) return "folders";
  return /file|place|path/.test(name) ? "all" : undefined;
}

/** Arguments without choices name files: a checkpoint, a model, a GGUF. */
function completedArgument(argument: Argument): Completion {
  const name = argument.name();
  if (argument.argChoices !== undefined) return { words: argument.argChoices, files: undefined };
  if (name === "benchmarks") return { words: [...benchmarkNames, "all"], files: undefined };
  if (name === "repository") return { words: [], files: undefined };
  return { words: ["first", "second", "path"].includes(name) ? ["tiny"] : [], files: "all" };
}

/** Up to the first full stop or semicolon: one line beside a word. */
function sentence(text: string): string {
  return text
    .replace(/[.;:(][ \n].*$|\.$/s, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}

export function describeCompletion(command: Command): Command {
  const argument = command
    .description("Print a script that completes commands, options and values in a shell.")
    .createArgument("<shell>", "bash, zsh or fish")
    .choices([...shells]);
  return command.addArgument(argument).addHelpText("after", HELP);
}

const HELP = `
In this shell only:
  source <(starling-rm completion bash)
  source <(starling-rm completion zsh)
  starling-rm completion fish | source

Permanently:
  starling-rm completion bash > ~/.local/share/bash-completion/completions/starling-rm
  starling-rm completion zsh > ~/.zfunc/_starling-rm        (with ~/.zfunc in fpath, before compinit)
  starling-rm completion fish > ~/.config/fish/completions/starling-rm.fish`;

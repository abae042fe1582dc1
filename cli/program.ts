/** All commands, and how each outcome becomes one line and an exit code. */
import { Command, CommanderError } from "commander";
import { compare, describeCompare } from "./compare.ts";
import type { Action, CommandContext } from "./context.ts";
import { convert, describeConvert } from "./convert.ts";
import { demo, describeDemo } from "./demo.ts";
import { describeDoctor, doctor } from "./doctor.ts";
import { ClosedPipe, EXIT_DONE, EXIT_FATAL, failureText, Interrupted } from "./errors.ts";
import { describeEval, evaluateCommand } from "./eval.ts";
import { describeFit, fit } from "./fit.ts";
import { describeInspect, inspect } from "./inspect.ts";
import { LLAMA_VERSION, packageVersion } from "./library.ts";
import { describePull, pull } from "./pull.ts";
import { describeQuantize, quantize } from "./quantize.ts";
import { describeRank, rank } from "./rank.ts";
import { describeScore, score } from "./score.ts";
import { describeTokenize, tokenize } from "./tokenize.ts";
import { visible } from "./visible-text.ts";

/** @returns the exit code; everything has been printed */
export async function run(commandLine: readonly string[], context: CommandContext): Promise<number> {
  let exitCode = EXIT_DONE;
  const program = createProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(commandLine, { from: "user" });
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

function createProgram(context: CommandContext, finish: (exitCode: number) => void): Command {
  const program = new Command("starling-rm")
    .description("Score and rank responses with Starling-RM-34B and other Llama reward models.")
    .version(`${packageVersion()} (llama.cpp ${LLAMA_VERSION})`, "-V, --version")
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (message, write) => write(usageLine(message)) })
    .addHelpText("after", HELP);

  const add = <Options>(name: string, describe: (command: Command) => Command, action: Action<Options>) => {
    const command = describe(program.command(name));
    command.action(async () => {
      const names = command.registeredArguments.map((argument) => argument.name());
      const positional = Object.fromEntries(names.map((argument, i) => [argument, command.processedArgs[i]]));
      finish(await action({ ...command.opts(), ...positional } as Options, context));
    });
  };
  add("score", describeScore, score);
  add("rank", describeRank, rank);
  add("tokenize", describeTokenize, tokenize);
  add("eval", describeEval, evaluateCommand);
  add("compare", describeCompare, compare);
  add("convert", describeConvert, convert);
  add("pull", describePull, pull);
  add("quantize", describeQuantize, quantize);
  add("inspect", describeInspect, inspect);
  add("fit", describeFit, fit);
  add("demo", describeDemo, demo);
  add("doctor", describeDoctor, doctor);
  return program;
}

/** Commander's message as one line of ours; a suggestion may be its second line. */
function usageLine(message: string): string {
  const lines = message
    .trim()
    .replace(/^error: /, "")
    .split("\n");
  const line = lines.map((part) => part.trim()).join(" ");
  return `starling-rm: ${visible(line)}\n`;
}

const HELP = `
Start with:
  starling-rm demo                            try it with the small model that ships with the package
  starling-rm doctor                          check what this machine can score with
  starling-rm convert CHECKPOINT -o rm.gguf   convert the real model
  starling-rm score --model rm.gguf --input pairs.jsonl

"starling-rm COMMAND --help" lists a command's options and examples.`;

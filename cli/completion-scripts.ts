/** The completion scripts of three shells. */

/** What may follow an option, or stand in place of an argument. */
export interface Completion {
  /** Words to choose from. */
  readonly words: readonly string[];
  /** Whether files complete it, too. */
  readonly files: "all" | "folders" | undefined;
}

export interface CompletedOption {
  /** "-m" and "--model". */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined: it takes no value. */
  readonly value: Completion | undefined;
}

export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly argument: Completion;
}

/** One word of a shell script, whatever it holds. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const TOP_LEVEL = ["--help", "--version"];

/**
 * For bash 3.2 (of macOS) and later. The words of the line up to the cursor decide: after an option with a value its values
 * complete, elsewhere options after a dash, else the argument's values.
 */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const names = [...commands.map(({ name }) => name), ...TOP_LEVEL].join(" ");
  return `# bash completion of starling-rm; made by: starling-rm completion bash
_starling_rm_reply() {
  # $1: words, $2: the kind of files, $3: what is typed so far
  local word
  COMPREPLY=()
  while IFS= read -r word; do [ -n "$word" ] && COMPREPLY+=("$word"); done < <(
    compgen -W "$1" -- "$3"
    [ "$2" = all ] && compgen -f -- "$3"
    [ "$2" = folders ] && compgen -d -- "$3"
  )
  if [ -n "$2" ]; then compopt -o filenames 2>/dev/null; fi
}
_starling_rm() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    _starling_rm_reply ${quoted(names)} '' "$current"
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commands.map(bashCommand).join("\n")}
  esac
}
complete -F _starling_rm starling-rm
`;
}

function bashCommand({ name, options, argument }: CompletedCommand): string {
  const withValues = options.filter(({ value }) => value !== undefined);
  const values = withValues.map(
    ({ flags, value }) => `        ${flags.join(" | ")}) ${bashReply(value as Completion)} ;;`,
  );
  const flags = options.flatMap((option) => option.flags).join(" ");
  return `    ${name})
      case "$previous" in
${values.join("\n")}
        *)
          case "$current" in
            -*) _starling_rm_reply ${quoted(flags)} '' "$current" ;;
            *) ${bashReply(argument)} ;;
          esac
          ;;
      esac
      ;;`;
}

function bashReply({ words, files }: Completion): string {
  return `_starling_rm_reply ${quoted(words.join(" "))} ${quoted(files ?? "")} "$current"`;
}

/** With compsys: as a file in fpath, or read with source. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name, description }) => `    ${quoted(`${zshName(name)}:${description}`)}`);
  return `#compdef starling-rm
# zsh completion of starling-rm; made by: starling-rm completion zsh
_starling_rm() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands 'command' commands
    compadd -- ${TOP_LEVEL.join(" ")}
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${commands.map(zshCommand).join("\n")}
  esac
}
if [ "$funcstack[1]" = _starling_rm ] || [ "$funcstack[1]" = _starling-rm ]; then
  _starling_rm "$@"
elif (( $+functions[compdef] )); then
  compdef _starling_rm starling-rm
fi
`;
}

function zshCommand({ name, options, argument }: CompletedCommand): string {
  const lines = [...options.map(zshOption), `      ${quoted(`*:argument:${zshAction(argument)}`)}`];
  return `    ${name})
      _arguments -s -S \\
${lines.join(" \\\n")}
      ;;`;
}

/** Commander's options may be repeated as far as the shell knows. */
function zshOption({ flags, description, value }: CompletedOption): string {
  const text = description.replaceAll(/[[\]:\\]/g, " ");
  const action = value === undefined ? "" : `:value:${zshAction(value)}`;
  return flags.map((flag) => `      ${quoted(`*${flag}[${text}]${action}`)}`).join(" \\\n");
}

function zshAction({ words, files }: Completion): string {
  const list = words.map((word) => word.replaceAll(/[\\:() ]/g, "\\$&")).join(" ");
  const folders = files === "folders" ? "_files -/" : "_files";
  if (files === undefined) return list === "" ? " " : `(${list})`;
  return list === "" ? folders : `{ compadd -- ${list}; ${folders} }`;
}

function zshName(name: string): string {
  return name.replaceAll(":", "\\:");
}

export function fishScript(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const top = commands.map(
    ({ name, description }) =>
      `complete -c starling-rm -n "not __fish_seen_subcommand_from $starling_rm_commands" -a ${quoted(name)} -d ${quoted(description)}`,
  );
  return `# fish completion of starling-rm; made by: starling-rm completion fish
set -l starling_rm_commands ${names}
complete -c starling-rm -f
complete -c starling-rm -n "not __fish_seen_subcommand_from $starling_rm_commands" -s V -l version -d 'print the version'
complete -c starling-rm -s h -l help -d 'display help'
${top.join("\n")}
${commands.flatMap(fishCommand).join("\n")}
`;
}

function fishCommand({ name, options, argument }: CompletedCommand): string[] {
  const start = `complete -c starling-rm -n "__fish_seen_subcommand_from ${name}"`;
  const lines = options
    .filter(({ flags }) => !flags.includes("--help"))
    .map(({ flags, description, value }) => {
      const named = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
      return `${start} ${named.join(" ")} -d ${quoted(description)}${value === undefined ? "" : ` -x${fishValues(value)}`}`;
    });
  const values = fishValues(argument);
  return values === "" ? lines : [...lines, `${start}${values}`];
}

function fishValues({ words, files }: Completion): string {
  const paths =
    files === undefined ? [] : [files === "folders" ? "(__fish_complete_directories)" : "(__fish_complete_path)"];
  const all = [...words, ...paths];
  return all.length === 0 ? "" : ` -a ${quoted(all.join(" "))}`;
}

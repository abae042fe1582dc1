/** Adapters by their names, as people write them. */
import { InvalidInputError } from "../errors.ts";
import { nearestValue } from "../options.ts";
import type { Layout } from "./adapters/layout.ts";
import { layoutNamed, layouts } from "./adapters/layouts.ts";

/** @throws InvalidInputError ERR_INVALID_ARGUMENT */
export function adapterNamed(name: string): Layout {
  const layout = layoutNamed(name);
  if (layout !== undefined) return layout;
  throw new InvalidInputError("ERR_INVALID_ARGUMENT", `${JSON.stringify(name)} is not an adapter: ${advice(name)}`, {
    field: "adapter",
  });
}

/** What was probably meant, as a sentence goes on. */
function advice(name: string): string {
  const [base = "", numbers] = name.split(/:(.*)/s);
  const names = layouts.map((one) => one.name);
  const near = names.includes(base) ? base : nearestValue(base, names);
  if (near === undefined) return '"starling-rm eval pairs --adapter list" lists their names.';
  const meant = numbers === undefined ? near : `${near}:${numbers}`;
  if (layoutNamed(meant) !== undefined) return `did you mean "${meant}"?`;
  const numbered = layouts.flatMap((one) => (one.byNumbers === undefined ? [] : [one.name]));
  if (!numbered.includes(near)) return `${near} takes no numbers. Only ${numbered.join(", ")} do.`;
  return (
    `expected ${near}:FIRST..SECOND with two different numbers (${near}:0..1), or ${near}:FIRST,SECOND,TIE with three ` +
    `(${near}:0,1,2).`
  );
}

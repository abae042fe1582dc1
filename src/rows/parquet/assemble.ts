/** Puts the columns of lists, maps and structures together. hyparquet's own way is not public for single pages. */
import type { SchemaTree } from "hyparquet";

/** By a column's path, joined with dots: its value at one place, nested by the levels below that. */
type Values = ReadonlyMap<string, unknown>;

/** One value of a top-level column; missing ones are null. Throws where its columns contradict each other. */
export function assembleValue(node: SchemaTree, values: Values): unknown {
  const { repetition_type: repetition } = node.element;
  // Without a group around it, hyparquet cannot tell an empty list from a missing one.
  if (repetition === "REPEATED" && isMissingLeaf(node, values)) return null;
  if (repetition === "REPEATED") return elementsOf(values).map((inner) => content(node, inner));
  // A column's own null is in its values; that of a group is an empty list around it.
  if (repetition !== "OPTIONAL" || node.children.length === 0) return content(node, values);
  const [inner, ...more] = elementsOf(values);
  if (more.length > 0) throw new Error("it has more than one value where one may be missing");
  return inner === undefined ? null : content(node, inner);
}

function content(node: SchemaTree, values: Values): unknown {
  const { children, element } = node;
  if (children.length === 0) return values.get(node.path.join(".")) ?? null;
  const [only] = children as [SchemaTree];
  const isRepeated = children.length === 1 && only.element.repetition_type === "REPEATED";
  // Writers name the parts of lists and maps differently; what counts is their shape.
  if (isRepeated && element.converted_type === "LIST" && only.children.length <= 1)
    return isMissingLeaf(only, values)
      ? null
      : elementsOf(values).map((inner) =>
          only.children.length === 0 ? content(only, inner) : assembleValue(only.children[0] as SchemaTree, inner),
        );
  if (isRepeated && element.converted_type === "MAP" && only.children.length === 2) {
    const [key, value] = only.children as [SchemaTree, SchemaTree];
    return Object.fromEntries(
      elementsOf(values).map((inner) => [
        String(assembleValue(key, below(key, inner))),
        assembleValue(value, below(value, inner)),
      ]),
    );
  }
  return Object.fromEntries(children.map((child) => [child.element.name, assembleValue(child, below(child, values))]));
}

function isMissingLeaf({ children, path }: SchemaTree, values: Values): boolean {
  return children.length === 0 && (values.get(path.join(".")) ?? null) === null;
}

/** The columns of one child. */
function below({ path }: SchemaTree, values: Values): Values {
  const name = path.join(".");
  return new Map([...values].filter(([column]) => column === name || column.startsWith(`${name}.`)));
}

/** The elements of the lists that all columns hold here. */
function elementsOf(values: Values): Values[] {
  const lists = [...values];
  const [first] = lists;
  const length = Array.isArray(first?.[1]) ? first[1].length : -1;
  if (!lists.every(([, list]) => Array.isArray(list) && list.length === length))
    throw new Error("its columns have lists of different lengths");
  return Array.from({ length }, (_, i) => new Map(lists.map(([column, list]) => [column, (list as unknown[])[i]])));
}

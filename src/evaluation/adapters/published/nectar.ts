/** berkeley-nest/Nectar, as `eval nectar` reads it, without answers that are compared to themselves. */
import { withoutSameText } from "../compared.ts";
import type { Layout } from "../layout.ts";
import { adaptNectar } from "../nectar.ts";

export const nectar: Layout = {
  name: "nectar",
  title: "Nectar",
  columns: { prompt: "open transcript", answers: "objects" },
  compared: "each answer over those of a worse rank",
  adapt: (row, options = {}) => withoutSameText(adaptNectar(row, options), options),
};

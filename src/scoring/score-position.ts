import { quote } from "../files/byte-source.ts";
import type { EncodedText } from "../native/addon.ts";
import type { ScorePosition } from "../profiles/rules.ts";

/** The token of the position "last-of-token". */
export interface ScoreToken {
  readonly id: number;
  /** As the vocabulary writes it. */
  readonly piece: string;
}

/** The index that the score is read at, or why there is none. See STARLING_KEYS.scorePosition. */
export const scorePositions: Readonly<
  Record<ScorePosition, (encoded: EncodedText, isText: boolean, token: ScoreToken | undefined) => number | string>
> = {
  last: ({ ids }) => ids.length - 1,
  // The padding after the text is the native side's business.
  "padding-end": ({ ids }) => ids.length - 1,
  "before-first-pad": ({ ids, firstPad }, isText) => {
    // Content in a template is plain text: whatever id it has, it never hides what follows.
    const end = isText && firstPad >= 0 ? firstPad : ids.length;
    if (end > 0) return end - 1;
    return (
      "begins with the padding token <unk>, so the reference would read its score from padding: " +
      "there is no meaningful score. Remove the <unk>."
    );
  },
  "last-non-pad": ({ firstPad, lastNonPad }) => {
    if (firstPad < 0 || (firstPad === lastNonPad + 1 && lastNonPad >= 0)) return lastNonPad;
    return (
      "contains the model's padding token before its end, where versions of transformers read the score at different " +
      "places: the score is ambiguous. Convert the checkpoint with the rule that it was trained with: --score-position " +
      "first-padding (transformers up to 4.48) or last-non-padding (from 4.49 on)."
    );
  },
  // Without padding, and with padding as its first id, transformers takes the last of a row.
  "first-padding": ({ ids, firstPad }) => (firstPad > 0 ? firstPad : ids.length) - 1,
  "last-non-padding": ({ lastNonPad }) => Math.max(lastNonPad, 0),
  "last-of-token": ({ ids }, _isText, token) => {
    const at = token === undefined ? -1 : ids.lastIndexOf(token.id);
    return at >= 0 ? at : `has no token ${quote(token?.piece ?? "")}, at which this model's score is read.`;
  },
};

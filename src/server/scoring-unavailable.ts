/**
 * An item has no score for a reason that is not the item's own: its process died with it, cannot be started again, or the
 * model's file was replaced meanwhile. Answered with 503: the client may try again.
 */
export class ScoringUnavailable extends Error {
  readonly code = "ERR_SCORING_UNAVAILABLE";

  /** @param reason a sentence for people */
  constructor(reason: string) {
    super(reason);
    this.name = "ScoringUnavailable";
  }
}

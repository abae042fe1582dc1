/** What all parts of the page have in common. */
import { LitElement } from "lit";
import type { Actions } from "./actions.ts";
import type { State, Store } from "./store.ts";

/** An element without a shadow tree, so that labels, live regions and one style sheet reach all of it. */
export abstract class View extends LitElement {
  static override properties = { page: { attribute: false } };
  declare page: Page;
  #unsubscribe: (() => void) | undefined;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = this.page.store.subscribe(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
  }

  get state(): State {
    return this.page.store.state;
  }

  get actions(): Actions {
    return this.page.actions;
  }
}

export interface Page {
  readonly store: Store;
  readonly actions: Actions;
}

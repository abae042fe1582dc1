/** The prompt: one text at first, a conversation if turns are added. */
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Turn } from "./types.ts";
import { View } from "./view.ts";

const NAMES = { system: "System", user: "User", assistant: "Assistant" };
const HINTS = {
  system: "Instructions that come before the conversation",
  user: "What the user says",
  assistant: "What was answered",
};

export class PromptView extends View {
  protected override render(): TemplateResult {
    const { mode, turns } = this.state;
    const isText = mode === "text";
    return html`<section aria-labelledby="prompt-title" class="prompt">
      <div class="head">
        <h2 id="prompt-title">${isText ? "Whole texts" : "Prompt"}</h2>
        <div class="actions">
          <label class="inline"><input type="checkbox" .checked=${isText} @change=${this.#setMode} /> Whole texts</label>
          <button class="quiet" @click=${() => this.actions.clear()}>Clear all</button>
        </div>
      </div>
      ${
        isText
          ? html`<p class="note">Each text is scored exactly as it is, with the prompt and the template's tokens in it. Compare only
              texts with the same prompt.</p>`
          : html`${repeat(
              turns,
              ({ id }) => id,
              (turn, i) => this.#turn(turn, i),
            )}
              <div class="actions">
                <button class="quiet" @click=${this.#addTurns}>+ Turns</button>
                ${
                  turns[0]?.role === "system"
                    ? nothing
                    : html`<button class="quiet" @click=${this.#addSystem}>+ System text</button>`
                }
              </div>`
      }
    </section>`;
  }

  #turn(turn: Turn, i: number): TemplateResult {
    const { turns } = this.state;
    const { id, role, text } = turn;
    const isOnly = turns.length === 1;
    const isFirstUser = turns.findIndex((one) => one.role === "user") === i;
    const name = isOnly ? "Prompt" : `${NAMES[role]}, turn ${i + 1}`;
    return html`<div class="turn ${role}">
      ${
        isOnly
          ? nothing
          : html`<div class="head small">
              <label for="turn-${id}">${NAMES[role]}</label>
              ${
                isFirstUser
                  ? nothing
                  : html`<button class="icon" aria-label="Remove ${name}" @click=${() => this.actions.removeTurn(id)}>×</button>`
              }
            </div>`
      }
      <textarea
        id="turn-${id}"
        rows=${role === "user" && i === turns.length - 1 ? 3 : 2}
        aria-label=${name}
        placeholder=${isOnly ? "What is asked. A conversation in JSON can be pasted, too." : HINTS[role]}
        .value=${text}
        @input=${(event: Event) => this.actions.setTurn(id, (event.target as HTMLTextAreaElement).value)}
        @paste=${(event: ClipboardEvent) => {
          const pasted = event.clipboardData?.getData("text/plain") ?? "";
          if (this.actions.paste(pasted, "prompt")) event.preventDefault();
        }}
      ></textarea>
    </div>`;
  }

  #setMode(event: Event): void {
    this.actions.setMode((event.target as HTMLInputElement).checked ? "text" : "chat");
  }

  #addTurns(): void {
    this.actions.addTurns();
    const [assistant] = this.state.turns.slice(-2);
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(`#turn-${assistant?.id}`)?.focus());
  }

  #addSystem(): void {
    this.actions.addSystem();
    const [system] = this.state.turns;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(`#turn-${system?.id}`)?.focus());
  }
}

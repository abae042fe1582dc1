import { splitResponses } from "./responses.mjs";

const element = (id) => document.getElementById(id);
const DIGITS = 3;

window.scorer.onProgress(({ done, total }) => {
  element("status").textContent = `${done} of ${total}`;
});

function show(ranked) {
  const rows = ranked.map(({ score, response, truncated }) => {
    const row = document.createElement("li");
    const number = document.createElement("strong");
    number.textContent = score.toFixed(DIGITS);
    // As text, never as HTML: it was pasted from anywhere.
    row.append(number, truncated ? `${response} (only the end was scored)` : response);
    return row;
  });
  element("ranking").replaceChildren(...rows);
}

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const responses = splitResponses(element("responses").value);
  element("rank").disabled = true;
  element("status").textContent = "Loading the model…";
  try {
    show(await window.scorer.rank(element("prompt").value, responses));
    element("status").textContent = "";
  } catch (error) {
    element("status").textContent = error.message;
  } finally {
    element("rank").disabled = false;
  }
});

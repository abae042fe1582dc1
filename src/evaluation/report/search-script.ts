/**
 * The page's only script: it searches and filters the mistakes. Without scripts the fields stay hidden and every mistake is
 * shown. It reads texts and hides elements; it writes nothing but a count into the page.
 */
export const searchScript = `
for (const block of document.querySelectorAll("[data-mistakes]")) {
  const form = block.querySelector(".filter");
  const fields = [...form.querySelectorAll("select")];
  const search = form.querySelector("input");
  const count = form.querySelector("output");
  const mistakes = [...block.querySelectorAll(".mistake")];
  const texts = new Map();
  const textOf = (one) => {
    if (!texts.has(one)) texts.set(one, one.textContent.normalize("NFKC").toLowerCase());
    return texts.get(one);
  };
  const update = () => {
    const words = search.value.normalize("NFKC").toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const one of mistakes) {
      const fits =
        fields.every(({ name, value }) => value === "" || one.dataset[name] === value) &&
        words.every((word) => textOf(one).includes(word));
      one.hidden = !fits;
      if (fits) shown += 1;
    }
    count.textContent = shown + " of " + mistakes.length + " " + count.dataset.noun + (mistakes.length === 1 ? "" : "s");
  };
  form.addEventListener("input", update);
  form.hidden = false;
  update();
}
`;

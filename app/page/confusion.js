// The model's result on the test set, as a table: the stronger a mistake's colour, the more often it was made.

const at = (id) => document.getElementById(id);

function cell(tag, text, row, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  row.append(made);
  return made;
}

function fill(confusion, recall) {
  const digits = confusion.map((_, digit) => digit);
  digits.forEach((digit) => cell("th", digit, at("columns"), { scope: "col" }));
  cell("th", "right", at("columns"), { scope: "col" });
  const most = Math.max(1, ...confusion.flatMap((counts, written) => counts.filter((_, seen) => seen !== written)));
  for (const written of digits) {
    const row = document.createElement("tr");
    cell("th", written, row, { scope: "row" });
    for (const seen of digits) {
      const count = confusion[written][seen];
      const made = cell("td", count, row, { class: seen === written ? "right" : count === 0 ? "none" : "wrong" });
      if (seen !== written) made.style.setProperty("--share", `${Math.round(100 * Math.sqrt(count / most))}%`);
    }
    cell("td", `${(100 * recall[written]).toFixed(1)} %`, row, { class: "recall" });
    at("rows").append(row);
  }
  at("matrix").hidden = false;
}

async function introduce() {
  try {
    const answer = await fetch("../model");
    const told = await answer.json();
    if (!answer.ok) at("about").textContent = told.detail;
    else if (!told.test?.confusion) at("about").textContent = `The result of ${told.model} on the test set is not known here.`;
    else {
      const { accuracy, examples, confusion, per_class_recall: recall } = told.test;
      const wrong = Math.round((1 - accuracy) * examples);
      at("about").textContent =
        `${told.model} recognises ${(100 * accuracy).toFixed(2)} % of ${examples.toLocaleString("en")} test images; these are its ${wrong} mistakes.`;
      fill(confusion, recall);
    }
  } catch {
    at("about").textContent = "The service does not answer.";
  }
}
introduce();

import { createClient, type EddiError } from "eddi-client";

const query = new URLSearchParams(location.search);
const client = createClient({
  baseUrl: query.get("service") ?? "http://localhost:8080",
  model: query.get("model") ?? "resnet-imagenette",
  // Of the fragment, which no server and no log ever sees.
  key: new URLSearchParams(location.hash.slice(1)).get("key"),
});

const say = (text: string): void => {
  document.querySelector("output")!.textContent = text;
};

client.on("model", ({ labels }) => say(`Choose a photo of one of ${labels.join(", ")}.`));
client.on("problem", ({ message }) => say(message));

document.querySelector("input")!.addEventListener("change", async ({ currentTarget }) => {
  const photo = (currentTarget as HTMLInputElement).files?.[0];
  if (photo === undefined) return;
  try {
    const { label, confidence, here, there, totalMs } = await client.answer(photo, { budgetMs: 300 });
    const where = `${here.length} nodes here, ${there.length} in the cloud`;
    say(`${label} (${Math.round(100 * confidence)} %), ${where}, ${Math.round(totalMs)} ms`);
  } catch (error) {
    say((error as EddiError).message);
  }
});

import { randomFrom } from "#shared/random";
import { command } from "../commands/command.ts";
import { number, text, whole } from "../commands/option.ts";
import {
  dataOption,
  jsonOption,
  outOption,
  printJson,
  seedOption,
  writeOut,
} from "../commands/shared-options.ts";
import { modelFolder } from "../files/model-folder.ts";
import { agreementOf, liveTable, MOST_OFF } from "../live/compare-live.ts";
import { readLinks } from "../live/conditions.ts";
import { livePhotos } from "../live/live-photos.ts";
import { runLive } from "../live/run-live.ts";
import { openSubject } from "../simulate/set-up/subject.ts";
import { runOrTell } from "../terminal/run-or-tell.ts";

const liveBench = command({
  name: "bench:live",
  call: "npm run -s bench:live --",
  about: `Answers photos with the real page in Chromium and the real service, over a shaped link, under several policies in turn,
and lays beside it what the simulator says of the same run.`,
  options: {
    model: text("ID", "model", "resnet-imagenette"),
    links: text("LIST", "of 3g, 4g, wifi, and files of traces, played as uplinks", "3g,4g"),
    policies: text(
      "LIST",
      "of `?planner=`; those that measure nothing have one plan, which is insisted on",
      "eddi,spinn,edge-only,cloud-webp",
    ),
    photos: whole("on each link", 2, 12),
    slowdown: number("K", "of the page's engine, to stand for a phone", [1, 1000], 4),
    budget: number("MS", "of every photo", [5, 10_000], 300),
    data: dataOption,
    seed: seedOption("of the choice of photos"),
    json: jsonOption,
    out: outOption("writes the JSON there too"),
  },
  more: "CHROME_PATH names the browser; without it Playwright's own is used.",
  run: async ({ options, status }) => {
    const { model, slowdown, budget: budgetMs, seed } = options;
    const links = await readLinks(options.links);
    const subject = await openSubject(modelFolder(model), 1);
    const random = randomFrom(seed);
    const photos = await livePhotos(modelFolder(model), options.data, options.photos, random, status);
    const { rigs, rows } = await runLive({
      ...{ subject, photos, links, slowdown, budgetMs },
      policies: [...new Set(options.policies.split(","))],
      onProgress: (told) => status.update(told),
    });
    const agreement = agreementOf(rows);
    const report = { bench: "live", model, slowdown, budgetMs, seed, rigs, rows, agreement };
    if (options.out !== undefined) await writeOut(options.out, `${JSON.stringify(report, null, 1)}\n`);
    if (options.json) printJson(report);
    else {
      const { latency, inTimePoints } = agreement;
      const off = `the simulator is off by ${(100 * latency).toFixed(1)} % of the mean latency (at most ${100 * MOST_OFF.latency})`;
      process.stdout.write(
        `${liveTable(rows)}\n${off} and by ${inTimePoints.toFixed(1)} points of the share in time (at most ${MOST_OFF.inTimePoints})\n`,
      );
    }
  },
});

await runOrTell(() => liveBench.run(process.argv.slice(2)));

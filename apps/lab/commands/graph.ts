import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { contract } from "#shared/evaluator";
import { graphSvg } from "../draw/graph-svg.ts";
import { modelFolder, readModelFolder } from "../files/model-folder.ts";
import { modelCosts } from "../planning/model-costs.ts";
import { graphStages, stagesText } from "../planning/stages.ts";

const USAGE = `npm run lab -- graph MODEL [options]

Shows what the Evaluator makes of a model: operations, nodes, and for every exit its cut vertices, blocks and
closed heads, before and after contraction; and draws its DAG. Costs come from the profiles in MODEL/profiles,
where there are none from the work of each node. MODEL is a folder under models/, or a path.

  --out FILE        the picture, SVG (default graph-MODEL.svg, here)
  --json            print JSON
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      out: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean" },
    },
  });
  const [name, ...others] = positionals;
  if (values.help || name === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  if (others.length > 0)
    throw new EddiError("bad-argument", `expected one MODEL, got ${positionals.join(" ")}`);
  const folder = modelFolder(name);
  const model = await readModelFolder(folder);
  const costs = await modelCosts(folder, model, ["plain"]);
  const stages = graphStages(model, costs.exits);

  const out = values.out ?? `graph-${model.metadata.id}.svg`;
  const svg = graphSvg(
    model,
    costs.exits.map((exit) => contract(exit, { for: "latency" })),
  );
  await writeFile(out, svg).catch((cause: Error) => {
    throw new EddiError(
      "bad-argument",
      `--out: expected a file that can be written, got ${out} (${cause.message})`,
      {
        cause,
      },
    );
  });
  const { head, tail } = costs;
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ ...stages, profiles: { head, tail }, picture: out }, null, 1)}\n`,
    );
  else process.stdout.write(`${stagesText(stages)}profiles: ${head}, ${tail}\npicture: ${out}\n`);
}

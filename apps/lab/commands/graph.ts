import { contract } from "#shared/evaluator";
import { graphSvg } from "../draw/graph-svg.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { modelCosts } from "../planning/model-costs.ts";
import { graphReduction, reductionText } from "../planning/reduction.ts";
import { command } from "./command.ts";
import { jsonOption, modelArgument, outOption, printJson, writeOut } from "./shared-options.ts";

export const graphCommand = command({
  name: "graph",
  about: `Shows what the Evaluator makes of a model: operations, nodes, and for every exit its cut vertices, blocks and
closed heads, before and after contraction; and draws its DAG. Costs come from the profiles in MODEL/profiles,
where there are none from the work of each node.`,
  argument: modelArgument,
  options: {
    out: outOption("the picture, SVG (default graph-MODEL.svg, here)"),
    json: jsonOption,
  },
  run: async ({ argument: { folder }, options }) => {
    const model = await readModelFolder(folder);
    const costs = await modelCosts(folder, model, ["plain"]);
    const reduction = graphReduction(model, costs.exits);
    const { out = `graph-${model.metadata.id}.svg` } = options;
    const contracted = costs.exits.map((exit) => contract(exit, { for: "latency" }));
    await writeOut(out, graphSvg(model, contracted));
    const { head, tail } = costs;
    if (options.json) printJson({ ...reduction, profiles: { head, tail }, picture: out });
    else process.stdout.write(`${reductionText(reduction)}profiles: ${head}, ${tail}\npicture: ${out}\n`);
  },
});

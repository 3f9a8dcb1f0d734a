import { EddiError } from "#shared/errors";

/**
 * Reads origins, with commas between, exactly as browsers send them: lower case, without a path.
 *
 * @throws EddiError `bad-argument`
 */
export function readOrigins(text: string): readonly string[] {
  const origins = text === "" ? [] : text.split(",").map((origin) => origin.trim());
  const wrong = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin);
  if (wrong === undefined) return origins;
  throw new EddiError("bad-argument", `--cors-origins: expected such as https://a.example, got ${wrong}`);
}

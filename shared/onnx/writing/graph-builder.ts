import {
  type Attributes,
  type ElementType,
  encodeModel,
  type Initializer,
  type OnnxNode,
  type Port,
} from "./schema.ts";

/** Collects operations of ONNX, each with one output, whose names it makes. */
export class GraphBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: Initializer[] = [];
  private readonly taken = new Set<string>();

  /** @param reserved names that only `finish` may give */
  constructor(reserved: readonly string[]) {
    for (const name of reserved) this.taken.add(name);
  }

  /**
   * @param about what the output is called after
   * @returns the output's name
   */
  add(opType: string, inputs: readonly string[], about: string, attributes: Attributes = {}): string {
    const output = this.nameFor(about);
    this.nodes.push({ opType, inputs, output, attributes });
    return output;
  }

  /** @returns the constant's name */
  constant(
    about: string,
    type: ElementType,
    dims: readonly number[],
    values: Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array,
  ): string {
    const name = this.nameFor(about);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push({ name, type, dims, bytes });
    return name;
  }

  integers(about: string, values: readonly number[]): string {
    return this.constant(about, "int64", [values.length], BigInt64Array.from(values, BigInt));
  }

  byte(about: string, value: number): string {
    return this.constant(about, "uint8", [], Uint8Array.of(value));
  }

  number(about: string, value: number): string {
    return this.constant(about, "float32", [], Float32Array.of(value));
  }

  /**
   * @param outputs each with the value that is to bear its name
   * @returns a file of ONNX
   */
  finish(
    name: string,
    inputs: readonly Port[],
    outputs: readonly (Port & { readonly value: string })[],
  ): Uint8Array {
    for (const { name: output, value } of outputs) {
      if (output !== value) {
        this.nodes.push({ opType: "Identity", inputs: [value], output, attributes: {} });
      }
    }
    return encodeModel({ name, nodes: this.nodes, initializers: this.initializers, inputs, outputs });
  }

  private nameFor(about: string): string {
    let name = about;
    for (let at = 1; this.taken.has(name); at++) name = `${about}:${at}`;
    this.taken.add(name);
    return name;
  }
}

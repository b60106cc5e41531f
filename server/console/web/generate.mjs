// Types and texts of the console's GraphQL operations, from schema.graphql: `node generate.mjs`.
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { codegen } from "@graphql-codegen/core";
import * as typedDocumentNode from "@graphql-codegen/typed-document-node";
import * as operations from "@graphql-codegen/typescript-operations";
import { buildSchema, parse, printSchema } from "graphql";

const HERE = import.meta.dirname;
const OUT = `${HERE}/generated/operations.ts`;
const schema = buildSchema(readFileSync(`${HERE}/../../../schema.graphql`, "utf8"));
const documents = globSync(`${HERE}/src/console/**/*.graphql`).toSorted().map((location) => ({
  location,
  document: parse(readFileSync(location, "utf8")),
}));
const text = await codegen({
  schema: parse(printSchema(schema)),
  schemaAst: schema,
  documents,
  filename: OUT,
  config: {
    documentMode: "string",
    dedupeFragments: true,
    enumType: "string-literal",
    scalars: { DateTime: "string", ID: "string" },
    strictScalars: true,
    useTypeImports: true,
  },
  plugins: [{ operations: {} }, { typedDocumentNode: {} }],
  pluginMap: { operations, typedDocumentNode },
});
mkdirSync(`${HERE}/generated`, { recursive: true });
writeFileSync(OUT, text);

// Compiles TestGovernor.sol. Called as: node compile.js SOLJSON OPENZEPPELIN SOURCE; prints {name: creation bytecode}.
"use strict";
const fs = require("fs");
const path = require("path");
const [soljson, openzeppelin, source] = process.argv.slice(2);
const sources = {};

function add(name, file) {
  if (sources[name]) return;
  const content = fs.readFileSync(file, "utf8");
  sources[name] = { content };
  for (const [, wanted] of content.matchAll(/import\s[^;]*?"([^"]+)";/g)) {
    const resolved = wanted.startsWith(".") ? path.posix.join(path.posix.dirname(name), wanted) : wanted;
    add(resolved, path.join(openzeppelin, resolved.replace("@openzeppelin/contracts/", "")));
  }
}

add("TestGovernor.sol", source);
const compiler = require(path.resolve(soljson));
const compile = compiler.cwrap("solidity_compile", "string", ["string", "number", "number"]);
const input = {
  language: "Solidity",
  sources,
  settings: {
    evmVersion: "london",
    optimizer: { enabled: true, runs: 1 },
    outputSelection: { "*": { TestVotes: ["evm.bytecode.object"], TestGovernor: ["evm.bytecode.object"], TimelockController: ["evm.bytecode.object"] } },
  },
};
const output = JSON.parse(compile(JSON.stringify(input), 0, 0));
const errors = (output.errors || []).filter((error) => error.severity === "error");
if (errors.length > 0) {
  process.stderr.write(errors.map((error) => error.formattedMessage).join("\n"));
  process.exit(1);
}
const made = {};
for (const contracts of Object.values(output.contracts)) {
  for (const [name, contract] of Object.entries(contracts)) made[name] = contract.evm.bytecode.object;
}
process.stdout.write(JSON.stringify(made));

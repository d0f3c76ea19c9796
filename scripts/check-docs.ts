// Fails on any public name that has no doc comment: every export reachable from an entry point of the
// package, and the public members of exported classes, interfaces and object types.
//
//   node scripts/check-docs.ts packages/kmem
//
// Entry points are read from the package's `exports`; "./dist/x.js" is built from "src/x.ts".
// Text is asked for: a comment that holds only tags (`/** @internal */`) documents nothing.

import { existsSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { ModifierFlags, type Node } from "typescript/unstable/ast";
import { API, SymbolFlags, type Checker, type Project, type Symbol } from "typescript/unstable/sync";

/** What the members of may be named by a user. */
const HAS_MEMBERS = SymbolFlags.Class | SymbolFlags.Interface | SymbolFlags.TypeLiteral;
/** Members that are no names of their own: the class's doc comment speaks for its constructor. */
const NO_NAME = SymbolFlags.TypeParameter | SymbolFlags.Prototype | SymbolFlags.Constructor;

const packageFolder = resolve(process.argv[2] ?? ".");

/** Source files of the package's entry points. */
function entryFiles(): string[] {
  const manifest = JSON.parse(readFileSync(resolve(packageFolder, "package.json"), "utf8")) as {
    exports: Record<string, string | { default: string }>;
  };
  return Object.values(manifest.exports)
    .map((target) => (typeof target === "string" ? target : target.default))
    .filter((target) => target.endsWith(".js"))
    .map((target) => resolve(packageFolder, target.replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts")));
}

/** Where a symbol is declared, or undefined for one that the compiler made up. */
function declarationOf(symbol: Symbol, project: Project): Node | undefined {
  return symbol.declarations[0]?.resolve(project);
}

function isPrivate(declaration: Node): boolean {
  return "modifierFlags" in declaration && (Number(declaration.modifierFlags) & ModifierFlags.Private) !== 0;
}

/** Members that a user can name: of a class (static ones too), an interface or an object type. */
function publicMembers(symbol: Symbol, checker: Checker, project: Project): Symbol[] {
  const holder =
    symbol.flags & SymbolFlags.TypeAlias ? checker.getDeclaredTypeOfSymbol(symbol).getSymbol() : symbol;
  if (!holder || !(holder.flags & HAS_MEMBERS)) return [];
  const statics = holder.flags & SymbolFlags.Class ? holder.getExports().values() : [];
  return [...holder.getMembers().values(), ...statics].filter((member) => {
    if (member.flags & NO_NAME || member.name.includes("#")) return false;
    const declaration = declarationOf(member, project);
    return declaration !== undefined && !isPrivate(declaration);
  });
}

/** "file:line" of a declaration, for a terminal to link. */
function place(declaration: Node): string {
  const source = declaration.getSourceFile();
  const line = source.text.slice(0, declaration.getStart()).split("\n").length;
  return `${relative(process.cwd(), source.fileName)}:${line}`;
}

const api = new API({ cwd: packageFolder });
const configFile = resolve(packageFolder, "tsconfig.json");
const project = api.updateSnapshot({ openProjects: [configFile] }).getProject(configFile);
if (!project) throw new Error(`no TypeScript project at ${configFile}`);
const { checker, program } = project;

const seen = new Set<number>();
const undocumented: string[] = [];

function visit(name: string, symbol: Symbol): void {
  const target = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  if (seen.has(target.id)) return;
  seen.add(target.id);
  const declaration = declarationOf(target, project!);
  if (!declaration) return;
  if (target.getDocumentationComment(checker).trim() === "")
    undocumented.push(`${place(declaration)}  ${name}`);
  for (const member of publicMembers(target, checker, project!)) visit(`${name}.${member.name}`, member);
}

for (const entryFile of entryFiles()) {
  if (!existsSync(entryFile)) throw new Error(`entry point without a source: ${entryFile}`);
  const source = program.getSourceFile(entryFile);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`not a module: ${entryFile}`);
  for (const symbol of checker.getExportsOfModule(module)) visit(symbol.name, symbol);
}
api.close();

for (const line of undocumented) console.error(line);
console.log(`${seen.size} public names, ${undocumented.length} without a doc comment`);
process.exit(undocumented.length === 0 ? 0 : 1);

/**
 * Finds what the doc comments of the public API lack. An editor shows these comments, so each
 * exported function, class, option and method needs its own.
 */

import { relative } from 'node:path';
import ts from 'typescript';

/** The entries of the package whose exports users import. */
const ENTRIES = [
  'src/index.ts',
  'src/nn/index.ts',
  'src/models/index.ts',
  'src/english.ts',
  'src/threads/index.ts',
  'src/distributed/index.ts',
];

/** Words that begin a first line without saying anything: it begins with a verb or a noun. */
const EMPTY_START = /^(What|How|Whether|Where|Who|Whose|Which|Of|As|The same|That|If|When)\b/;

/** Calls that check arguments, so that the function throws. */
const CHECKS = /\bthrow new\b|\breadOptions\(|\b(check|require|assert)[A-Z]\w*\(/;

export interface Gap {
  /** Path and line of the declaration. */
  at: string;
  /** Export, or export and member. */
  name: string;
  lacks: string;
}

type Callable = ts.FunctionLikeDeclaration | ts.MethodSignature | ts.CallSignatureDeclaration;

/** Lists all gaps, in the order of the entries. */
export function docGaps(): Gap[] {
  const { config } = ts.readConfigFile('src/tsconfig.json', ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, 'src');
  const program = ts.createProgram(ENTRIES, options);
  const checker = program.getTypeChecker();
  const gaps: Gap[] = [];
  const seen = new Set<ts.Node>();

  const report = (node: ts.Node, name: string, lacks: string): void => {
    const file = node.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(node.getStart());
    gaps.push({ at: `${relative('.', file.fileName)}:${line + 1}`, name, lacks });
  };

  /** The text before the tags; a method may inherit it. */
  const summaryOf = (node: ts.Declaration): string => {
    const name = ts.getNameOfDeclaration(node);
    const symbol = name && checker.getSymbolAtLocation(name);
    return ts.displayPartsToString(symbol?.getDocumentationComment(checker)).trim();
  };

  const checkSummary = (node: ts.Declaration, name: string, text = summaryOf(node)): void => {
    if (text === '') report(node, name, 'a doc comment');
    else if (EMPTY_START.test(text)) {
      report(
        node,
        name,
        `a first line that begins with a verb or a noun, not "${text.slice(0, 24)}…"`,
      );
    }
  };

  /** Properties of an option type, where it is ours. */
  const checkProperties = (type: ts.TypeNode, name: string, said: string): void => {
    if (ts.isTypeLiteralNode(type)) checkMembers(type.members, name, said);
    else if (ts.isIntersectionTypeNode(type) || ts.isUnionTypeNode(type)) {
      for (const part of type.types) checkProperties(part, name, said);
    } else if (ts.isTypeReferenceNode(type)) {
      for (const part of type.typeArguments ?? []) checkProperties(part, name, said);
      const declared = checker.getSymbolAtLocation(type.typeName);
      if (declared) checkSymbol(declared, declared.name);
    }
  };

  const checkCallable = (node: Callable, name: string): void => {
    const tags = ts.getJSDocTags(node);
    const params = tags.filter(ts.isJSDocParameterTag);
    node.parameters.forEach((parameter, i) => {
      const label = ts.isIdentifier(parameter.name) ? parameter.name.text : undefined;
      const tag =
        params.find((each) => each.name.getText() === label) ?? (label ? undefined : params[i]);
      if (tag === undefined) report(parameter, name, `@param ${label ?? 'options'}`);
      const said = ts.getTextOfJSDocComment(tag?.comment) ?? '';
      if (parameter.type) checkProperties(parameter.type, name, said);
    });
    if (ts.isConstructorDeclaration(node)) return;
    const signature = checker.getSignatureFromDeclaration(node);
    const type = signature && checker.typeToString(checker.getReturnTypeOfSignature(signature));
    const nothing = type === 'void' || type === 'Promise<void>' || type === 'this';
    if (!nothing && ts.getJSDocReturnTag(node) === undefined) report(node, name, '@returns');
    const body = 'body' in node ? node.body?.getText() : undefined;
    const throws = tags.some((tag) => tag.tagName.text === 'throws');
    if (body !== undefined && CHECKS.test(body) && !throws) report(node, name, '@throws');
  };

  const isHidden = (member: ts.Declaration): boolean =>
    (ts.getCombinedModifierFlags(member) &
      (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !==
      0 ||
    (ts.getNameOfDeclaration(member)?.getText().startsWith('#') ?? false) ||
    ts.getJSDocTags(member).some((tag) => tag.tagName.text === 'internal');

  const checkMembers = (
    members: readonly (ts.ClassElement | ts.TypeElement)[],
    owner: string,
    said = '',
  ): void => {
    const documented = new Set<string>();
    for (const member of members) {
      if (isHidden(member) || seen.has(member)) continue;
      seen.add(member);
      if (ts.isConstructorDeclaration(member)) {
        checkCallable(member, `new ${owner}`);
        continue;
      }
      const key = ts.getNameOfDeclaration(member)?.getText();
      if (key === undefined || key === '[Symbol.dispose]') continue;
      // The first of an accessor's two halves, or of several overloads, speaks for all.
      if (documented.has(key)) continue;
      documented.add(key);
      const name = `${owner}.${key}`;
      // An editor shows the comment of the base class or interface where a member has none.
      const inherits = ts.getJSDocCommentsAndTags(member).length === 0 && summaryOf(member) !== '';
      if (!new RegExp(`\\b${key}\\b`).test(said)) checkSummary(member, name);
      if ((ts.isMethodDeclaration(member) || ts.isMethodSignature(member)) && !inherits) {
        checkCallable(member, name);
      }
    }
  };

  const checkSymbol = (symbol: ts.Symbol, name: string): void => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const all = target.declarations ?? [];
    const ours = all.filter((node) => !/node_modules|\.d\.ts$/.test(node.getSourceFile().fileName));
    const node = ours[0];
    if (node === undefined || seen.has(node)) return;
    for (const each of ours) seen.add(each);
    if (ts.isTypeParameterDeclaration(node)) return;
    checkSummary(
      node,
      name,
      ts.displayPartsToString(target.getDocumentationComment(checker)).trim(),
    );
    if (ts.isFunctionDeclaration(node)) checkCallable(node, name);
    else if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) {
      checkMembers(node.members, name);
    } else if (ts.isTypeAliasDeclaration(node)) checkProperties(node.type, name, '');
    else if (ts.isVariableDeclaration(node) && node.initializer) {
      const { initializer } = node;
      if (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer)) {
        checkCallable(initializer, name);
      }
    }
  };

  for (const entry of ENTRIES) {
    const file = program.getSourceFile(entry);
    const module = file && checker.getSymbolAtLocation(file);
    if (module === undefined) throw new Error(`${entry} is not a module`);
    for (const symbol of checker.getExportsOfModule(module)) checkSymbol(symbol, symbol.name);
  }
  return gaps;
}

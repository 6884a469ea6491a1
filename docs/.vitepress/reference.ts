/** Makes the reference of the docstrings, in `docs/reference`: `npm run reference --workspace docs`. */
import { writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

import { Application, Comment, CommentTag, Converter } from 'typedoc';
import type {
  CommentDisplayPart,
  Context,
  ProjectReflection,
  ReferenceType,
  Reflection,
  Router,
  RouterTarget,
  SomeType,
} from 'typedoc';
import { MarkdownTheme } from 'typedoc-plugin-markdown';
import type { MarkdownThemeContext } from 'typedoc-plugin-markdown';
import type { DefaultTheme } from 'vitepress';

import { slugOf } from './markdown.ts';

const DOCS = join(import.meta.dirname, '..');
const SOURCE = join(DOCS, '..', 'src');

/** What the names of the main door are about, by their folders in `src/`; the other doors have a few names each. */
const TOPICS = {
  'Session logs': ['start', 'facade', 'export'],
  Write: ['write'],
  Read: ['read'],
  'Serve over HTTP': ['serve'],
  'Entries and marks': ['entry'],
  'Routing and redaction': ['route', 'otel'],
  Stores: ['store'],
  'Errors, losses, diagnosis': ['support', 'diagnose'],
} as const;

function setTopics({ project }: Context): void {
  for (const name of project.children?.[0]?.children ?? []) {
    const file = relative(SOURCE, project.getSymbolIdFromReflection(name)?.fileName ?? '');
    const [folder = ''] = file.split(sep);
    const topic = Object.entries(TOPICS).find(([, folders]) => (folders as readonly string[]).includes(folder))?.[0];
    if (topic === undefined) throw new Error(`${name.name} is in ${file}, which has no topic`);
    // A function is documented by its signatures.
    for (const documented of name.signatures ?? [name]) {
      documented.comment ??= new Comment();
      documented.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: topic }]));
    }
  }
}

/** Leaves out interfaces that nobody can import, and the members that a class has only for one of them. */
function dropOwnInterfaces({ project }: Context): void {
  const isOwn = (type: SomeType): type is ReferenceType =>
    type.type === 'reference' && type.reflection === undefined && type.package === project.packageName;
  for (const declared of Object.values(project.reflections)) {
    if (!declared.isDeclaration()) continue;
    const types = [...(declared.implementedTypes ?? []), ...(declared.extendedTypes ?? [])];
    const own = new Set(types.filter(isOwn).map(({ name }) => name));
    for (const key of ['implementedTypes', 'extendedTypes'] as const) {
      const known = declared[key]?.filter((type) => !isOwn(type)) ?? [];
      if (known.length > 0) declared[key] = known;
      else delete declared[key];
    }
    for (const member of declared.children?.slice() ?? []) {
      const [origin = ''] = member.implementationOf?.name.split('.') ?? [];
      if (own.has(origin)) project.removeReflection(member);
    }
  }
}

/** A value is code; what explains it is text, as which a docstring may have underscores. */
const VALUE = /^(?:(?!none$)\S+|['[({].*|new .*)$/u;

/** Says the default below the text, in a line: a heading for each would be most of the page. */
function inlineDefaults({ project }: Context): void {
  for (const { comment } of Object.values(project.reflections)) {
    const value = comment?.getTag('@default')?.content;
    if (comment === undefined || value === undefined) continue;
    comment.removeTags('@default');
    const parts = value.map((part): CommentDisplayPart => {
      if (part.kind !== 'text' || value.length > 1) return part;
      const text = part.text.trim();
      return VALUE.test(text)
        ? { kind: 'code', text: `\`${text}\`` }
        : { kind: 'text', text: text.replaceAll(/[_*]/gu, String.raw`\$&`) };
    });
    comment.summary.push({ kind: 'text', text: '\n\nDefault: ' }, ...parts);
  }
}

const LINK = /\[`[^\]]+`\]\([^)]+\)/gu;

/**
 * Leaves out which interface a member implements, and says where it is inherited from in a line, not below a heading.
 * Code has no links: the types that a declaration names follow it.
 */
class SiteTheme extends MarkdownTheme {
  override getRenderContext(...[page]: Parameters<MarkdownTheme['getRenderContext']>): MarkdownThemeContext {
    const context = super.getRenderContext(page);
    const { partials } = context;
    const { declarationTitle } = partials;
    partials.inheritance = ({ inheritedFrom }) =>
      inheritedFrom === undefined ? '' : `Inherited from ${partials.typeAndParent(inheritedFrom)}.`;
    partials.declarationTitle = (declaration) => {
      const { type } = declaration;
      const links = new Set(
        type === undefined || type.type === 'reflection' ? [] : partials.someType(type).match(LINK),
      );
      return [declarationTitle(declaration), ...(links.size > 0 ? [`See ${[...links].join(', ')}.`] : [])].join('\n\n');
    };
    return context;
  }
}

/** The sidebar beside the reference: doors, perhaps topics, names. */
function sidebarOf(project: ProjectReflection, router: Router): DefaultTheme.SidebarItem[] {
  const linkOf = (page: RouterTarget): string =>
    `/reference/${router.getFullUrl(page).replace(/(?:index)?\.md$/u, '')}`;
  const itemsOf = (names: readonly Reflection[] = []): DefaultTheme.SidebarItem[] =>
    names.filter((name) => router.hasOwnDocument(name)).map((name) => ({ text: name.name, link: linkOf(name) }));
  return (project.children ?? []).map((door) => ({
    text: door.name.replace('otel-session-logs/', '…/'),
    link: linkOf(door),
    collapsed: door.categories === undefined,
    items:
      door.categories?.map(({ title, children }) => ({
        text: title,
        // Without a link the theme would make it a button with another button in it.
        link: `${linkOf(door)}#${slugOf(title)}`,
        collapsed: true,
        items: itemsOf(children),
      })) ?? itemsOf(door.children),
  }));
}

const app = await Application.bootstrapWithPlugins({ options: join(DOCS, 'typedoc.json') });
app.options.setValue('categoryOrder', [...Object.keys(TOPICS), '*']);
app.renderer.defineTheme('site', SiteTheme);
app.options.setValue('theme', 'site');
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, setTopics);
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, inlineDefaults);
app.converter.on(Converter.EVENT_RESOLVE_END, dropOwnInterfaces, 1_000);
app.renderer.postRenderAsyncJobs.push(({ project, outputDirectory }) =>
  writeFile(join(outputDirectory, 'sidebar.json'), JSON.stringify(sidebarOf(project, app.renderer.router as Router))),
);

const project = await app.convert();
if (project === undefined) throw new Error('TypeDoc could not read the source');
app.validate(project);
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1;

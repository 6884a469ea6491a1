export type Scheme = 'light' | 'dark';

export const SCHEMES: readonly Scheme[] = ['light', 'dark'];

/** `package`: a part of this package. `around`: what is around it. `loss`: where records are given up. */
export type Kind = 'package' | 'around' | 'loss';

export interface Theme {
  /** A page may have its own idea of what is dark: the picture is readable on any. */
  readonly page: string;
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly box: Readonly<Record<Kind, { readonly fill: string; readonly border: string }>>;
}

export const THEMES: Readonly<Record<Scheme, Theme>> = {
  light: {
    page: '#ffffff',
    text: '#1f2328',
    muted: '#57606a',
    line: '#6e7781',
    box: {
      package: { fill: '#eef0ff', border: '#4f46e5' },
      around: { fill: '#f6f8fa', border: '#afb8c1' },
      loss: { fill: '#fff1f0', border: '#cf222e' },
    },
  },
  dark: {
    page: '#0d1117',
    text: '#e6edf3',
    muted: '#a5adb7',
    line: '#8b949e',
    box: {
      package: { fill: '#232145', border: '#8b85ff' },
      around: { fill: '#1c2128', border: '#57606a' },
      loss: { fill: '#3a1d1f', border: '#ff7b72' },
    },
  },
};

/** No font is loaded: a picture in a page may load nothing. */
export const SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
export const MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}

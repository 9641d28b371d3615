export interface TextPart {
  text: string;
  href: string | null;
}

const LINK = /https?:\/\/[^\s<>"']+/g;

/** Splits a message into text and links. Only web addresses become links. */
export function linkify(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    // A full stop or bracket after an address belongs to the sentence.
    const link = match[0].replace(/[.,;:!?)\]]+$/, '');
    if (!URL.canParse(link)) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index), href: null });
    parts.push({ text: link, href: link });
    end = match.index + link.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null });
  return parts;
}

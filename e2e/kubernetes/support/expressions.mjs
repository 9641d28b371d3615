// The metrics that a PromQL expression names.

const AGGREGATED = /\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)/g;
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);

/** Names of metrics in an expression, without functions, labels and words of the language. */
export function metricsOf(expression) {
    const bare = expression
        .replace(/"(\\.|[^"\\])*"/g, '')
        .replace(/\{[^{}]*\}/g, ' ')
        .replace(/\[[^[\]]*\]/g, ' ')
        .replace(AGGREGATED, ' ');
    // Neither a function, nor the end of a number such as 1e9 or 5m.
    const names = [...bare.matchAll(/(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])/g)].map(([name]) => name);
    return [...new Set(names.filter((name) => !WORDS.has(name.toLowerCase())))];
}

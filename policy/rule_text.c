/* rule_text.c - see rule_text.h. The tree of a loaded policy remembers where a rule begins, not where it
 * ends; that is asked of libyaml again, for the few who want to see it. */
#include "policy/rule_text.h"

#include "policy/rule.h"

#include <yaml.h>

struct lines {
    size_t first, last; /* from 0 */
};

/* find_map - the lines of the map that begins at pos. */
static bool find_map(yaml_parser_t *parser, struct pos pos, struct lines *ret)
{
    size_t inside = 0; /* how many collections of ours are open; 0: it has not begun */
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return false;
        }
        const yaml_event_type_t type = event.type;
        const yaml_mark_t start = event.start_mark;
        const yaml_mark_t end = event.end_mark;
        yaml_event_delete(&event);
        const bool opens = type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;
        const bool closes = type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT;
        if (inside == 0 && type == YAML_MAPPING_START_EVENT && start.line + 1 == pos.line &&
            start.column + 1 == pos.col) {
            ret->first = start.line;
            inside = 1;
        } else if (inside > 0) {
            inside += opens ? 1 : 0;
            inside -= closes ? 1 : 0;
            if (inside == 0) {
                /* A map in block style ends where the next thing begins, at the start of a line. */
                ret->last = end.column == 0 && end.line > ret->first ? end.line - 1 : end.line;
                return true;
            }
        }
        if (type == YAML_STREAM_END_EVENT) {
            return false;
        }
    }
}

/* is_nothing - blank, or a comment alone. */
static bool is_nothing(struct slice line)
{
    const struct slice text = slice_trim(line);
    return text.len == 0 || text.ptr[0] == '#' || text.ptr[0] == '\r';
}

static struct slice line_at(struct slice rest)
{
    const size_t end = slice_find(rest, '\n');
    return (struct slice){rest.ptr, end < rest.len ? end + 1 : end};
}

static size_t indent_of(struct slice line)
{
    size_t i = 0;
    while (i < line.len && line.ptr[i] == ' ') {
        i++;
    }
    return i;
}

/* cut_out - the lines, without what is nothing at their end, nor a line of the next rule. */
static struct slice cut_out(struct slice bytes, const struct lines *lines, size_t column)
{
    struct slice rest = bytes;
    struct slice out = {bytes.ptr, 0};
    for (size_t i = 0; rest.len > 0 && i <= lines->last; i++) {
        const struct slice line = line_at(rest);
        const struct slice text = {
            line.ptr, line.len > 0 && line.ptr[line.len - 1] == '\n' ? line.len - 1 : line.len};
        if (i == lines->first) {
            out = line;
        } else if (i > lines->first && !is_nothing(text) &&
                   (i < lines->last || indent_of(text) >= column ||
                    slice_trim(text).ptr[0] == '}')) {
            out.len = (size_t)(line.ptr + line.len - out.ptr);
        }
        rest = slice_from(rest, line.len);
    }
    return out;
}

bool policy_rule_text(const struct policy *policy, struct slice id, struct policy_rule_text *ret)
{
    size_t i = 0;
    while (i < policy->num_rules && !slice_eq_str(id, policy_rule_id(policy, i))) {
        i++;
    }
    if (i == policy->num_rules || policy->rules[i].pos.file >= policy->num_sources) {
        return false;
    }
    yaml_parser_t parser;
    struct lines lines = {0};
    const struct pos pos = policy->rules[i].pos;
    struct slice bytes = policy_file_bytes(policy, pos.file);
    bytes = slice_has_prefix(bytes, SLICE("\xef\xbb\xbf")) ? slice_from(bytes, 3) : bytes;
    if (!yaml_parser_initialize(&parser)) {
        return false;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes.ptr, bytes.len);
    const bool found = find_map(&parser, pos, &lines);
    yaml_parser_delete(&parser);
    if (found) {
        *ret = (struct policy_rule_text){.file = policy_rule_place(policy, i).file,
                                         .first_line = (unsigned)lines.first + 1,
                                         .lines = cut_out(bytes, &lines, pos.col - 1)};
    }
    return found;
}

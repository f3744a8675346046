/* yaml_doc.h - inside policy/ only: what a document is made of. */
#ifndef POLICY_YAML_DOC_H
#define POLICY_YAML_DOC_H

#include "broker/base/arena.h"
#include "policy/yaml_tree.h"

struct yaml_doc {
    char *file;         /* owned */
    char *data;         /* owned; what bytes points to */
    struct slice bytes; /* the file as read */
    struct arena arena; /* nodes, and those texts that don't stand in the file as they are */
    struct yaml_node *root;
};

/* yaml_build - parse doc->bytes into doc->root. False: diags say why. */
bool yaml_build(struct yaml_doc *doc, struct diag_list *diags);

#endif

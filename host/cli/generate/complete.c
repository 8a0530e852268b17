#include <stdio.h>
#include <string.h>

#include "host/cli/generate/generate.h"
#include "host/cli/option_table.h"

static int takes_file(const struct ps_option *o)
{
    return o->metavar && strcmp(o->metavar, "FILE") == 0;
}

static void print_names(uint32_t verbs, FILE *out)
{
    for (size_t i = 0; i < ps_n_options; i++) {
        const struct ps_option *o = &ps_option_table[i];

        if (!(o->verbs & verbs))
            continue;
        fprintf(out, " --%s", o->name);
        if (o->letter)
            fprintf(out, " -%c", o->letter);
    }
}

static void print_verb_names(FILE *out)
{
    for (size_t i = 0; i < ps_n_verbs; i++)
        fprintf(out, "%s%s", i ? " " : "", ps_verb_table[i].name);
}

/* "--name|-n)" and what completes its value. */
static void bash_value(const struct ps_option *o, FILE *out)
{
    char names[160];

    fprintf(out, "    --%s", o->name);
    if (o->letter)
        fprintf(out, "|-%c", o->letter);
    if (o->choice)
        fprintf(out, ") mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n",
                ps_option_choices(o, " ", names, sizeof names));
    else if (takes_file(o))
        fputs(") _poolscan_files; return ;;\n", out);
    else
        fputs(") return ;;\n", out);
}

void ps_generate_bash(FILE *out)
{
    fputs("# bash completion for poolscan; made by: poolscan --generate complete-bash\n"
          "_poolscan_files() {\n"
          "    compopt -o filenames 2>/dev/null\n"
          "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
          "}\n\n"
          "_poolscan() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local verb=${COMP_WORDS[1]} options\n"
          "    COMPREPLY=()\n"
          "    case $prev in\n",
          out);
    for (size_t i = 0; i < ps_n_options; i++)
        if (ps_option_table[i].metavar)
            bash_value(&ps_option_table[i], out);
    fputs("    esac\n    case $verb in\n", out);
    for (size_t i = 0; i < ps_n_verbs; i++) {
        fprintf(out, "    %s) options='", ps_verb_table[i].name);
        print_names(PS_VERB_BIT(ps_verb_table[i].verb), out);
        fputs("' ;;\n", out);
    }
    fputs("    *) options='", out);
    print_names(PS_VERB_BIT(PS_VERB_SCAN), out);
    fputs("' ;;\n    esac\n"
          "    if [[ $cur == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
          "        return\n"
          "    fi\n"
          "    _poolscan_files\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W '",
          out);
    print_verb_names(out);
    fputs("' -- \"$cur\")\n    fi\n}\n\ncomplete -F _poolscan poolscan\n", out);
}

/* Text inside the brackets of an _arguments specification inside single quotes. */
static void zsh_text(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static int is_repeatable(const struct ps_option *o)
{
    return o->kind == PS_OPT_COUNT || o->kind == PS_OPT_APPEND || o->kind == PS_OPT_LIST ||
           o->kind == PS_OPT_NUMBERS;
}

static void zsh_spec(const struct ps_option *o, const char *dashes, const char *name, FILE *out)
{
    char names[160];

    fprintf(out, "    '%s%s%s[", is_repeatable(o) ? "*" : "", dashes, name);
    zsh_text(o->help, out);
    fputc(']', out);
    if (o->metavar) {
        fputc(':', out);
        zsh_text(o->metavar, out);
        fputc(':', out);
    }
    if (o->choice)
        fprintf(out, "(%s)", ps_option_choices(o, " ", names, sizeof names));
    else if (takes_file(o))
        fputs("_files", out);
    fputs("'\n", out);
}

static void zsh_options(uint32_t verbs, FILE *out)
{
    for (size_t i = 0; i < ps_n_options; i++) {
        const struct ps_option *o = &ps_option_table[i];
        char letter[2] = {o->letter, '\0'};

        if (!(o->verbs & verbs))
            continue;
        zsh_spec(o, "--", o->name, out);
        if (o->letter)
            zsh_spec(o, "-", letter, out);
    }
}

void ps_generate_zsh(FILE *out)
{
    fputs("#compdef poolscan\n"
          "# zsh completion for poolscan; made by: poolscan --generate complete-zsh\n"
          "local -a verbs options\n"
          "verbs=(\n",
          out);
    for (size_t i = 0; i < ps_n_verbs; i++) {
        fprintf(out, "    '%s:", ps_verb_table[i].name);
        zsh_text(ps_verb_table[i].help, out);
        fputs("'\n", out);
    }
    fputs(")\ncase ${words[2]} in\n", out);
    for (size_t i = 0; i < ps_n_verbs; i++) {
        fprintf(out, "%s) options=(\n", ps_verb_table[i].name);
        zsh_options(PS_VERB_BIT(ps_verb_table[i].verb), out);
        fputs(") ;;\n", out);
    }
    fputs("*) options=(\n", out);
    zsh_options(PS_VERB_BIT(PS_VERB_SCAN), out);
    fputs(") ;;\nesac\n"
          "if ((CURRENT == 2)) && [[ ${words[2]} != -* ]]; then\n"
          "    _describe -t verbs verb verbs\n"
          "    _files\n"
          "else\n"
          "    _arguments -s -S $options '*:file:_files'\n"
          "fi\n",
          out);
}

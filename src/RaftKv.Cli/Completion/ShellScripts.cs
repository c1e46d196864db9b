using System.Text;

namespace RaftKv.Cli.Completion;

/// <summary>
/// Scripts that know all words by heart, so that nothing is started when somebody presses Tab. Each finds out which
/// command the line has named so far and offers what may follow it.
/// </summary>
internal static class ShellScripts
{
    public static string Bash(IReadOnlyList<CompletionWord> words) => $$"""
        # Finishes the commands and flags of raftkv in bash: source <(raftkv completion bash)
        _raftkv() {
            local current="${COMP_WORDS[COMP_CWORD]}" path="" words="" i
            for ((i = 1; i < COMP_CWORD; i++)); do
                case "${path:+$path }${COMP_WORDS[i]}" in
                    {{Paths(words)}}) path="${path:+$path }${COMP_WORDS[i]}" ;;
                esac
            done
            case "$path" in
        {{Cases(words, path => $"words={Quoted(string.Join(' ', path.Select(word => word.Text)))}")}}
            esac
            if [[ "$current" != -* ]]; then
                local kept="" word
                for word in $words; do [[ "$word" == --* ]] || kept+=" $word"; done
                words="$kept"
            fi
            COMPREPLY=($(compgen -W "$words" -- "$current"))
        }
        complete -o default -F _raftkv raftkv

        """.ReplaceLineEndings("\n");

    public static string Zsh(IReadOnlyList<CompletionWord> words) => $$"""
        #compdef raftkv
        # Finishes the commands and flags of raftkv in zsh: source <(raftkv completion zsh)
        _raftkv() {
            local path_so_far="" i
            local -a found
            for ((i = 2; i < CURRENT; i++)); do
                case "${path_so_far:+$path_so_far }${words[i]}" in
                    {{Paths(words)}}) path_so_far="${path_so_far:+$path_so_far }${words[i]}" ;;
                esac
            done
            case "$path_so_far" in
        {{Cases(words, path => $"found=({string.Join(' ', path.Select(word => Quoted($"{word.Text}:{word.Description}")))})")}}
            esac
            if [[ "${words[CURRENT]}" != -* ]]; then
                found=("${(@)found:#--*}")
            fi
            if (( ${#found} )); then
                _describe 'raftkv' found
            else
                _files
            fi
        }
        compdef _raftkv raftkv

        """.ReplaceLineEndings("\n");

    public static string Fish(IReadOnlyList<CompletionWord> words)
    {
        var script = new StringBuilder($$"""
            # Finishes the commands and flags of raftkv in fish: raftkv completion fish | source
            function __raftkv_path
                set -l path
                for word in (commandline -opc)[2..-1]
                    set -l longer (string join ' ' $path $word)
                    if contains -- "$longer" {{string.Join(' ', PathsOf(words).Select(Quoted))}}
                        set path $longer
                    end
                end
                echo "$path"
            end

            """.ReplaceLineEndings("\n"));
        foreach (var word in words)
        {
            var what = word.Text.StartsWith("--", StringComparison.Ordinal) ? $"-l {word.Text[2..]}" : $"-f -a {word.Text}";
            script.Append($"complete -c raftkv -n 'test (__raftkv_path) = \"{word.After}\"' {what} -d {Quoted(word.Description)}\n");
        }

        return script.ToString();
    }

    // What begins commands: the words that are no flags, with what came before them.
    private static IEnumerable<string> PathsOf(IReadOnlyList<CompletionWord> words)
        => words.Where(word => !word.Text.StartsWith('-')).Select(word => $"{word.After} {word.Text}".Trim());

    private static string Paths(IReadOnlyList<CompletionWord> words) => string.Join('|', PathsOf(words).Select(Quoted));

    private static string Cases(IReadOnlyList<CompletionWord> words, Func<IEnumerable<CompletionWord>, string> assignment)
        => string.Join('\n', words.GroupBy(word => word.After).Select(path => $"        {Quoted(path.Key)}) {assignment(path)} ;;"));

    private static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}

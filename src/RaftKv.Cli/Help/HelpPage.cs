using System.Collections;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;
using System.Text;
using RaftKv.Cli.Commands.Text;
using RaftKv.Cli.Serve;

namespace RaftKv.Cli.Help;

/// <summary><c>raftkv --help</c>: the commands, and the flags of a member in groups. What is below it has the help of its kind.</summary>
internal sealed class HelpPage(SynchronousCommandLineAction ofCommands) : SynchronousCommandLineAction
{
    private const int Column = 38;
    private const int Width = 110;
    private const string OldNames = "--experimental-";

    /// <summary>Puts it in the place of the one that would list everything as it comes.</summary>
    public static void AddTo(RootCommand raftkv)
    {
        var help = raftkv.Options.OfType<HelpOption>().Single();
        if (help.Action is SynchronousCommandLineAction usual)
        {
            help.Action = new HelpPage(usual);
        }
    }

    public override int Invoke(ParseResult parseResult)
    {
        if (parseResult.CommandResult.Command is not RootCommand raftkv)
        {
            return ofCommands.Invoke(parseResult);
        }

        parseResult.InvocationConfiguration.Output.Write(Text(raftkv));
        return 0;
    }

    /// <summary>The page.</summary>
    public static string Text(RootCommand raftkv)
    {
        var text = new StringBuilder(raftkv.Description).Append("\n\n");
        text.Append("  raftkv [flags]                 a member, until it is told to stop\n");
        text.Append("  raftkv COMMAND [flags] ...     'raftkv COMMAND --help' tells more of each\n");
        text.Append("  raftkv dev                     three members to try things on\n");
        text.Append("\nCommands\n");
        foreach (var command in raftkv.Subcommands.Where(command => !command.Hidden))
        {
            Append(text, command.Name, command.Description ?? "");
        }

        var flags = raftkv.Options.Where(flag => !flag.Hidden && flag is not (HelpOption or VersionOption));
        foreach (var (title, group) in FlagGroups.Of(flags))
        {
            text.Append('\n').Append(title).Append('\n');
            foreach (var flag in group)
            {
                Append(text, NameOf(flag), $"{flag.Description}{DefaultOf(flag)}");
            }
        }

        text.Append("\nEach flag may also be set by the environment (--data-dir is RAFTKV_DATA_DIR or ETCD_DATA_DIR), or in a file:\n");
        text.Append("--config-file. Flags of etcd that have no effect here are taken with a warning that says why:\n");
        AppendWrapped(text, string.Join(", ", OtherFlags.WithoutMeaning), 2);
        return text.ToString();
    }

    private static string NameOf(Option flag)
    {
        var names = flag.Aliases.Prepend(flag.Name).Where(name => !name.StartsWith(OldNames, StringComparison.Ordinal)).Distinct();
        var value = flag.ValueType == typeof(bool) ? "" : $" {flag.HelpName ?? "VALUE"}";
        return string.Join(", ", names) + value;
    }

    private static string DefaultOf(Option flag)
    {
        if (!flag.HasDefaultValue || flag.Description?.Contains("[default", StringComparison.Ordinal) == true)
        {
            return "";
        }

        var value = flag.GetDefaultValue() switch
        {
            null or "" or false => "",
            true => "true",
            TimeSpan duration => GoDuration.Format(duration),
            string one => one,
            IEnumerable many => string.Join(',', many.Cast<object>()),
            var one => Convert.ToString(one, CultureInfo.InvariantCulture) ?? "",
        };
        return value.Length > 0 ? $" [{value}]" : "";
    }

    private static void Append(StringBuilder text, string name, string description)
    {
        var start = text.Length;
        text.Append("  ").Append(name);
        if (text.Length - start >= Column)
        {
            text.Append('\n').Append(' ', Column);
        }
        else
        {
            text.Append(' ', Column - (text.Length - start));
        }

        AppendWrapped(text, description, Column, isStarted: true);
    }

    private static void AppendWrapped(StringBuilder text, string words, int indent, bool isStarted = false)
    {
        var at = indent;
        if (!isStarted)
        {
            text.Append(' ', indent);
        }

        foreach (var word in words.Split(' '))
        {
            if (at > indent && at + word.Length > Width)
            {
                text.Append('\n').Append(' ', indent);
                at = indent;
            }
            else if (at > indent)
            {
                text.Append(' ');
                at++;
            }

            text.Append(word);
            at += word.Length;
        }

        text.Append('\n');
    }
}

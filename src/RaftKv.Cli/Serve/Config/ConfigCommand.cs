using System.CommandLine;

namespace RaftKv.Cli.Serve.Config;

/// <summary><c>raftkv config check FILE</c>: whether a member would start with a configuration file.</summary>
internal static class ConfigCommand
{
    /// <param name="raftkv">Whose options the file sets.</param>
    /// <param name="flags">Those options.</param>
    public static Command Create(RootCommand raftkv, ServeFlags flags)
    {
        var file = new Argument<string>("FILE") { Description = "The file, as --config-file would name it" };
        var check = new Command("check", "Say what is wrong with a configuration file, and where, without starting a member") { file };
        check.SetAction(parsed => Check(raftkv, flags, parsed.GetRequiredValue(file), parsed.InvocationConfiguration));
        return new Command("config", "Look at a configuration file") { check };
    }

    private static int Check(RootCommand raftkv, ServeFlags flags, string file, InvocationConfiguration console)
    {
        try
        {
            var config = ConfigFile.Read(file, raftkv, [.. flags.All, .. OtherFlags.All]);
            foreach (var warning in config.Warnings.Concat(OtherFlags.Warnings(config.Parsed)))
            {
                console.Output.WriteLine($"warning: {warning}");
            }

            flags.Log.Level(config.Parsed);
            var options = flags.Read(config.Parsed);
            console.Output.WriteLine($"{file}: good, for member '{options.Name}'");
            return 0;
        }
        catch (FlagException wrong)
        {
            console.Error.WriteLine($"raftkv: {(wrong.Message.StartsWith(file, StringComparison.Ordinal) ? "" : $"{file}: ")}{wrong.Message}");
            return 1;
        }
    }
}

using System.CommandLine;
using System.Runtime.InteropServices;

namespace RaftKv.Cli;

/// <summary><c>raftkv version</c></summary>
internal static class VersionCommand
{
    public static Command Create()
    {
        var version = new Command("version", "Say which version this is, and of what");
        version.SetAction(parsed =>
        {
            var output = parsed.InvocationConfiguration.Output;
            output.WriteLine($"raftkv version: {ProgramVersion.Text}");
            output.WriteLine("API: etcd v3");
            output.WriteLine($"Runtime: {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}");
        });
        return version;
    }
}

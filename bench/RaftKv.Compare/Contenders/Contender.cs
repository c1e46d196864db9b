using System.Diagnostics;

namespace RaftKv.Compare.Contenders;

/// <summary>A program whose members are measured. Both take etcd's flags, so both are started alike.</summary>
/// <param name="Name">In tables.</param>
/// <param name="Command">What is run, and what comes before the member's flags.</param>
internal sealed record Contender(string Name, IReadOnlyList<string> Command)
{
    public const string Etcd = "etcd";
    public const string RaftKv = "raftkv";

    /// <summary>What the program calls its version.</summary>
    public async Task<string> VersionAsync()
    {
        var asked = Name == Etcd ? "--version" : "version";
        using var process = Process.Start(new ProcessStartInfo(Command[0], [.. Command.Skip(1), asked]) { RedirectStandardOutput = true })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return text.Split('\n')[0].Trim();
    }
}

using System.Reflection;

namespace RaftKv.Cli;

/// <summary>What this program calls itself: here, in /version and in the first line of its log.</summary>
internal static class ProgramVersion
{
    // The part behind '+' names the commit, where the build knows it.
    public static string Text { get; } = typeof(ProgramVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}

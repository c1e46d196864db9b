namespace RaftKv.Stores;

/// <summary>A program that serves etcd's client API: where it is, and what its members are asked to do beside the usual.</summary>
public sealed record StoreProgram(string Name, string Path)
{
    /// <summary>Overrides where the raftkv program is looked for.</summary>
    public const string RaftKvVariable = "RAFTKV_PROGRAM";

    /// <summary>Arguments of every member, beside the addresses and the folder.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Debian's etcd, or null where it is not installed.</summary>
    public static StoreProgram? FindEtcd()
        => FindOnPath("etcd") is { } path ? new StoreProgram("etcd", path) : null;

    /// <summary>The raftkv of this build, or null if it was not built.</summary>
    public static StoreProgram? FindRaftKv()
        => Environment.GetEnvironmentVariable(RaftKvVariable) is { Length: > 0 } told
            ? new StoreProgram("raftkv", told)
            : FindNeighbour("RaftKv.Cli", "raftkv");

    /// <summary>The raftkv of this build on a disk and a clock that fail when they are told to, or null.</summary>
    public static StoreProgram? FindFaultyRaftKv() => FindNeighbour("RaftKv.FaultyMember", "raftkv-faulty");

    private static StoreProgram? FindNeighbour(string project, string file)
    {
        // artifacts/bin/<project>/<configuration>/ is where this assembly is, and where its neighbour is, too.
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var path = System.IO.Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, file);
        return File.Exists(path) ? new StoreProgram("raftkv", path) : null;
    }

    /// <summary>The program of that name, or null.</summary>
    public static string? FindOnPath(string name)
        => (Environment.GetEnvironmentVariable("PATH")?.Split(System.IO.Path.PathSeparator) ?? [])
            .Select(folder => System.IO.Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
}

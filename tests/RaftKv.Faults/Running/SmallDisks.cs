using System.Globalization;
using RaftKv.Faults.Networks;
using RaftKv.Stores;

namespace RaftKv.Faults.Running;

/// <summary>A disk of its own in memory for each member, small enough to be filled.</summary>
internal sealed class SmallDisks(IStoreGround ground, int megabytes) : IStoreGround, IAsyncDisposable
{
    private readonly List<string> _mounted = [];

    /// <summary>Why this machine cannot have them; null if it can.</summary>
    public static string? Obstacle => Environment.UserName != "root" ? "small disks are mounted, which needs root" : null;

    public MemberPlace Place(string name)
    {
        var place = ground.Place(name);
        Directory.CreateDirectory(place.Folder);
        var size = string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m");
        Shell.RunAsync("mount", "-t", "tmpfs", "-o", size, "tmpfs", place.Folder).GetAwaiter().GetResult();
        _mounted.Add(place.Folder);
        return place;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var folder in _mounted)
        {
            await Shell.TryAsync("umount", folder);
        }
    }
}

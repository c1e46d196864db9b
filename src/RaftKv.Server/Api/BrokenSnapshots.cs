using System.Globalization;
using RaftKv.Rpc.Server;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Api;

/// <summary>
/// Snapshots whose stream broke off, kept for a while, so that whoever was saving one can go on where it stopped: of the same
/// revision, to the byte.
/// </summary>
/// <remarks>What a stream is of is said in a header of the answer, and asked for in the same words:
/// <code>
///   raftkv-snapshot: 0f8fad5bd9cb469fa16570867728950e:65536      the state's name, and the byte that the stream begins with
/// </code></remarks>
/// <param name="time">How long "a while" is reckoned by.</param>
internal sealed class BrokenSnapshots(TimeProvider time) : IDisposable
{
    private const string Key = "raftkv-snapshot";
    private const int KeptMax = 2;

    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly List<(ISnapshotSource Source, long Length)> _kept = [];
    private bool _hasEnded;

    /// <summary>Finds what a call wants to go on with.</summary>
    /// <returns>Null if it wants to begin anew, or has to. Else it is the caller's.</returns>
    public (ISnapshotSource Source, long Length, long Offset)? TryTake(RpcServerCall call)
    {
        if (call.Metadata(Key)?.Split(':') is not [var name, var at]
            || !Guid.TryParseExact(name, "N", out var id)
            || !long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
        {
            return null;
        }

        lock (_gate)
        {
            var index = _kept.FindIndex(one => one.Source.Id == id);
            if (index < 0)
            {
                return null;
            }

            var (source, length) = _kept[index];
            _kept.RemoveAt(index);
            return (source, length, offset);
        }
    }

    /// <summary>Says in the answer what its stream is of.</summary>
    public static void Tell(RpcServerCall call, ISnapshotSource source, long offset)
        => call.ResponseHeaders.Add(Key, string.Create(CultureInfo.InvariantCulture, $"{source.Id:N}:{offset}"));

    /// <summary>The stream of one broke off.</summary>
    public async ValueTask KeepAsync(ISnapshotSource source, long length)
    {
        var oldest = (ISnapshotSource?)null;
        lock (_gate)
        {
            if (_hasEnded)
            {
                oldest = source;
            }
            else
            {
                _kept.Add((source, length));
            }

            if (_kept.Count > KeptMax)
            {
                oldest = _kept[0].Source;
                _kept.RemoveAt(0);
            }
        }

        if (oldest is not null)
        {
            await oldest.DisposeAsync().ConfigureAwait(false);
        }

        _ = ForgetLaterAsync(source);
    }

    /// <summary>The member stops: lets go of them all.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _hasEnded = true;
            foreach (var (source, _) in _kept)
            {
                _ = source.DisposeAsync().AsTask();
            }

            _kept.Clear();
        }
    }

    private async Task ForgetLaterAsync(ISnapshotSource source)
    {
        await Task.Delay(KeptFor, time).ConfigureAwait(false);
        bool isHere;
        lock (_gate)
        {
            isHere = _kept.RemoveAll(one => one.Source == source) > 0;
        }

        if (isHere)
        {
            await source.DisposeAsync().ConfigureAwait(false);
        }
    }
}

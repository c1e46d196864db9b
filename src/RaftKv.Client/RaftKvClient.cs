using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Client.Calls;
using RaftKv.Client.Watching;
using RaftKv.Rpc.Client;
using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

/// <summary>
/// A client of one cluster, of RaftKv or of etcd v3. Thread-safe; make one and keep it: it owns the connections and knows
/// which members are well. Failures are <see cref="RaftKvException"/>s.
/// </summary>
/// <remarks>
/// What only reads is repeated, at other members too, until it succeeds or its time is over. What changes something is
/// repeated only if it is certain that it has not happened; if that is not certain, the call ends with
/// <see cref="OutcomeUnknownException"/>. The same holds for a change whose call the caller cancels: it may have happened.
/// </remarks>
/// <example><code>
/// await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [new("http://127.0.0.1:2379")] });
/// await client.PutAsync("greeting", "hello");
/// Console.WriteLine((await client.GetAsync("greeting"))?.ValueText);
/// </code></example>
public sealed partial class RaftKvClient : IAsyncDisposable
{
    // What fits into few packets is not worth a connection of its own.
    private const long PromptRangeLimit = 100;

    private readonly RaftKvClientOptions _options;
    private readonly Channels _channels;
    private readonly Caller _caller;
    private readonly WatchHub _watches;
    private readonly CancellationTokenSource _disposal = new();
    private int _isDisposed;

    private RaftKvClient(RaftKvClientOptions options, Channels channels, IEnumerable<Uri> addresses)
    {
        _options = options;
        _channels = channels;
        var log = (options.Loggers ?? NullLoggerFactory.Instance).CreateLogger(Telemetry.Name);
        var members = new Members(addresses, options.Chance, log);
        var credentials = options.UserName is null ? null : new Credentials(options, members, channels);
        _caller = new Caller(options, members, channels, credentials);
        _watches = new WatchHub(options, _caller, channels.Watch, log, _disposal.Token);
        if (options.FollowsMembers)
        {
            _ = new MemberFinder(options, _caller, channels, _disposal.Token).RunAsync();
        }

        if (members.Count > 1 || options.FollowsMembers)
        {
            _ = new MemberProbe(options, _caller, channels.Prompt, _disposal.Token).RunAsync();
        }

        Cluster = new RaftKvCluster(_caller);
        Maintenance = new RaftKvMaintenance(_caller, channels);
    }

    /// <summary>The members of the cluster.</summary>
    public RaftKvCluster Cluster { get; }

    /// <summary>What operators need.</summary>
    public RaftKvMaintenance Maintenance { get; }

    /// <summary>Makes a client. Connections come up when they are needed, so members may start later.</summary>
    /// <exception cref="ArgumentException">The options cannot work; the text says why.</exception>
    public static RaftKvClient Connect(RaftKvClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(options.Problems());
        return new(options, Channels.Open(options), options.Endpoints);
    }

    /// <summary>Makes a client over a channel that there is, such as that of a member in this process. It stays the caller's.</summary>
    /// <exception cref="ArgumentException">The options cannot work; the text says why.</exception>
    /// <example><code>
    /// await using var channel = node.OpenChannel();
    /// await using var client = RaftKvClient.Over(channel);
    /// </code></example>
    public static RaftKvClient Over(RpcChannel channel, RaftKvClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        options = (options ?? new()) with { Endpoints = channel.Addresses };
        if (options.FollowsMembers)
        {
            throw new ArgumentException($"{nameof(options.FollowsMembers)} is for clients with connections of their own: the channel's addresses are its owner's.");
        }

        Check(options.Problems());
        return new(options, Channels.Over(channel), channel.Addresses);
    }

    /// <summary>Reads a key. Null: there is none.</summary>
    public async ValueTask<KeyValue?> GetAsync(KvBytes key, GetOptions? options = null, CancellationToken cancellation = default)
    {
        var request = new Wire.RangeRequest { Key = key.Wire };
        if (options is not null)
        {
            request.Revision = options.Revision;
            request.Serializable = options.IsSerializable;
        }

        var response = await CallAsync(request.Serializable ? Methods.LocalRange : Methods.Range, request, options, cancellation)
            .ConfigureAwait(false);
        return response.Kvs.Count > 0 ? KeyValue.Of(response.Kvs[0]) : null;
    }

    /// <summary>Reads a range as one answer, as of one revision. Large ranges are better read by <see cref="ScanAsync"/>.</summary>
    public async ValueTask<RangeResult> RangeAsync(KeyRange range, RangeOptions? options = null, CancellationToken cancellation = default)
    {
        var isBulk = !range.IsSingle && options is null or { CountOnly: false, Limit: 0 or > PromptRangeLimit };
        var response = await CallAsync(
            options is { IsSerializable: true } ? Methods.LocalRange : Methods.Range, Requests.Range(range, options), options, cancellation, isBulk)
            .ConfigureAwait(false);
        return RangeResult.Of(response);
    }

    /// <summary>Reads a range piece by piece, in the order of keys, all of it as of one revision.</summary>
    /// <exception cref="CompactedException">The revision was compacted before the range was read to its end.</exception>
    /// <example><code>await foreach (var one in client.ScanAsync(KeyRange.Prefix("users/"))) { ... }</code></example>
    public async IAsyncEnumerable<KeyValue> ScanAsync(
        KeyRange range, ScanOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        options ??= new();
        var page = new RangeOptions
        {
            Limit = options.PageSize,
            Revision = options.Revision,
            IsSerializable = options.IsSerializable,
            KeysOnly = options.KeysOnly,
            Timeout = options.Timeout,
        };
        while (true)
        {
            var result = await RangeAsync(range, page, cancellation).ConfigureAwait(false);
            foreach (var one in result.KeyValues)
            {
                yield return one;
            }

            if (!result.HasMore || result.KeyValues.Count == 0)
            {
                yield break;
            }

            range = range.After(result.KeyValues[^1].Key);
            page = page with { Revision = page.Revision > 0 ? page.Revision : result.Header.Revision };
        }
    }

    /// <summary>Sets a key.</summary>
    /// <exception cref="OutcomeUnknownException">It may have happened.</exception>
    public async ValueTask<PutResult> PutAsync(
        KvBytes key, KvBytes value, PutOptions? options = null, CancellationToken cancellation = default)
        => PutResult.Of(await CallAsync(Methods.Put, Requests.Put(key, value, options), options, cancellation).ConfigureAwait(false));

    /// <summary>Deletes a key, or a range of keys at once. That there is none is no error.</summary>
    /// <exception cref="OutcomeUnknownException">It may have happened.</exception>
    public async ValueTask<DeleteResult> DeleteAsync(KeyRange range, DeleteOptions? options = null, CancellationToken cancellation = default)
        => DeleteResult.Of(await CallAsync(Methods.Delete, Requests.Delete(range, options), options, cancellation).ConfigureAwait(false));

    /// <summary>Runs a transaction.</summary>
    /// <exception cref="OutcomeUnknownException">It may have happened.</exception>
    public async ValueTask<TransactionResult> CommitAsync(
        Transaction transaction, CallOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        var method = transaction.IsReadOnly ? Methods.ReadOnlyTxn : Methods.Txn;
        return TransactionResult.Of(await CallAsync(method, transaction.ToWire(), options, cancellation).ConfigureAwait(false));
    }

    /// <summary>Forgets what keys were before a revision. What they were at that revision stays readable.</summary>
    /// <returns>The revision of the store.</returns>
    /// <exception cref="CompactedException">That is the case already.</exception>
    public async ValueTask<long> CompactAsync(long revision, CompactOptions? options = null, CancellationToken cancellation = default)
    {
        var request = new Wire.CompactionRequest { Revision = revision, Physical = options?.WaitsUntilGone ?? false };
        var response = await CallAsync(Methods.Compact, request, options, cancellation).ConfigureAwait(false);
        return response.Header.Revision;
    }

    /// <summary>Ends what is under way with <see cref="ObjectDisposedException"/> and closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _disposal.CancelAsync().ConfigureAwait(false);
        await _channels.DisposeAsync().ConfigureAwait(false);
        _disposal.Dispose();
    }

    private static void Check(IEnumerable<string> problems)
    {
        if (string.Join(" ", problems) is { Length: > 0 } text)
        {
            throw new ArgumentException(text);
        }
    }

    private ValueTask<TResponse> CallAsync<TRequest, TResponse>(
        Call<TRequest, TResponse> call, TRequest request, CallOptions? options, CancellationToken cancellation, bool isBulk = false)
        where TResponse : new()
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        return _caller.RunAsync(call, request, options?.Timeout, cancellation, isBulk);
    }
}

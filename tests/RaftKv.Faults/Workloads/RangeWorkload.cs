using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;

namespace RaftKv.Faults.Workloads;

/// <summary>Ranges of keys that change: read at once, page by page, at revisions of the past, and of one member alone.</summary>
internal sealed class RangeWorkload : Workload
{
    private const string Prefix = "page/";
    private const int Keys = 40;
    private const int PageSize = 7;
    private long _next;

    public override string Name => "range";

    public override string Story => "ranges are read at once, in pages, at revisions, and of one member alone";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new SnapshotReads(), new RevisionOrder()];

    public override Task StepAsync(ClientSession session, CancellationToken stop) => session.Chance.Next(10) switch
    {
        < 4 => PutAsync(session),
        < 5 => DeleteAsync(session),
        < 6 => ReadAsync(session, isLocal: false),
        < 7 => ReadAsync(session, isLocal: true),
        < 8 => PagesAsync(session),
        _ => PastAsync(session),
    };

    public override Task FinishAsync(ClientSession session) => ReadAsync(session, isLocal: false);

    private static string Key(ClientSession session) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{session.Chance.Next(Keys):D3}");

    private Task PutAsync(ClientSession session)
    {
        var (key, value) = (Key(session), Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture));
        return session.WriteAsync(session.Asked("write", key) with { Value = value }, async operation =>
        {
            var put = await session.Client.PutAsync(key, value);
            return operation with { Revision = put.Revision, Wrote = true };
        });
    }

    private static Task DeleteAsync(ClientSession session)
    {
        var key = Key(session);
        return session.WriteAsync(session.Asked("delete", key), async operation =>
        {
            var deleted = await session.Client.DeleteAsync(key);
            return operation with { Done = deleted.Deleted > 0, Wrote = deleted.Deleted > 0, Revision = deleted.Header.Revision };
        });
    }

    private static Task ReadAsync(ClientSession session, bool isLocal)
    {
        var asked = session.Asked("range", Prefix);
        isLocal &= asked.Member is not null;
        return session.ReadAsync(asked with { Local = isLocal }, async operation =>
        {
            var range = await session.Client.RangeAsync(KeyRange.Prefix(Prefix), new RangeOptions { IsSerializable = isLocal });
            return operation with { Entries = StatesOf(range), Revision = range.Header.Revision };
        });
    }

    private static Task PagesAsync(ClientSession session) => session.ReadAsync(session.Asked("range", Prefix), async operation =>
    {
        var page = await session.Client.RangeAsync(KeyRange.Prefix(Prefix), new RangeOptions { Limit = PageSize });
        var revision = page.Header.Revision;
        var entries = StatesOf(page).ToList();
        while (page.HasMore)
        {
            var next = KeyRange.Between($"{entries[^1].Key}\0", "page0");
            page = await session.Client.RangeAsync(next, new RangeOptions { Limit = PageSize, Revision = revision });
            entries.AddRange(StatesOf(page));
        }

        return operation with { Entries = entries, AtRevision = revision, Revision = page.Header.Revision };
    });

    private static Task PastAsync(ClientSession session) => session.ReadAsync(session.Asked("range", Prefix), async operation =>
    {
        var now = (await session.Client.RangeAsync("page?")).Header.Revision;
        var past = Math.Max(1, now - session.Chance.Next(0, 60));
        var range = await session.Client.RangeAsync(KeyRange.Prefix(Prefix), new RangeOptions { Revision = past });
        return operation with { Entries = StatesOf(range), AtRevision = past, Revision = range.Header.Revision };
    });
}

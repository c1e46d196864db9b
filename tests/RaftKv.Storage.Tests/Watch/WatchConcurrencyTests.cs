using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Watch;

namespace RaftKv.Storage.Tests.Watch;

/// <summary>An applier and clients on threads of their own. What the clients saw is checked when all is over.</summary>
public sealed class WatchConcurrencyTests
{
    private const int Writes = 4000;
    private const int Clients = 3;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Clients_on_other_threads_are_told_everything(int seed)
    {
        var chance = new Chance((ulong)seed);
        var store = new NaiveStore();
        using var space = new KeySpace(new MemoryRecords());
        var options = new WatchOptions
        {
            RecentChanges = 64,
            RememberedMatches = 1,
            StreamBytes = 1000,
            ResponseRevisions = 20,
            HistoryRevisions = 50,
        };
        var hub = new WatchHub(space, options, WatchFaults.None);
        var isOver = false;
        var clients = new List<WatchedClient>[Clients];
        var threads = Enumerable.Range(0, Clients).Select(number => Start(() =>
        {
            var own = chance.Stream("client", number);
            clients[number] = PlayClient(own, hub, store, space, () => Volatile.Read(ref isOver));
        })).ToArray();

        PlayApplier(chance.Stream("applier"), hub, store, space);
        Volatile.Write(ref isOver, true);
        foreach (var (thread, failure) in threads)
        {
            thread.Join();
            Assert.Null(failure());
        }

        var told = 0;
        foreach (var client in clients.SelectMany(list => list))
        {
            client.CheckLog();
            told += client.Events;
        }

        foreach (var last in clients.Select(list => list[^1]))
        {
            last.CheckComplete();
            last.Stream.Dispose();
        }

        Assert.True(told > 0);
        Assert.Equal(0, hub.StreamCount);
        Assert.Equal(0, hub.WatcherCount);
        Assert.Equal(0, hub.PendingCount);
    }

    private static (Thread Thread, Func<Exception?> Failure) Start(Action run)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                run();
            }
            catch (Exception broken)
            {
                failure = broken;
            }
        });
        thread.Start();
        return (thread, () => failure);
    }

    private static void PlayApplier(Chance chance, WatchHub hub, NaiveStore store, KeySpace space)
    {
        for (var writes = 0; writes < Writes;)
        {
            for (var batch = chance.Between(1, 8); batch > 0; batch--, writes++)
            {
                var changes = Enumerable.Range(0, chance.Between(1, 3)).Select(_ => chance.Below(20)).Distinct();
                store.Write(space, [.. changes.Select(key => (Key(key), chance.Happens(1, 4) ? null : new byte[key], 0L))]);
            }

            if (chance.Happens(1, 50) && space.Revision - 200 > store.Compacted)
            {
                store.Compact(space, Math.Max(1, space.Revision - 200));
            }

            hub.Collect(space.Changes);
            space.Publish();
            hub.Announce(space.PublishedRevision);
            if (chance.Happens(1, 100))
            {
                NaiveStore.Forget(space);
            }
        }
    }

    private static List<WatchedClient> PlayClient(
        Chance chance, WatchHub hub, NaiveStore store, KeySpace space, Func<bool> isOver)
    {
        var all = new List<WatchedClient>();
        var client = new WatchedClient(hub, store) { IsCheckedLater = true };
        all.Add(client);
        while (!isOver())
        {
            switch (chance.Below(200))
            {
                case < 20:
                    var key = Key(chance.Below(20));
                    client.Create(new WatchCreate(key, chance.Happens(1, 2) ? default : new byte[] { (byte)'z' })
                    {
                        StartRevision = chance.Happens(1, 2) ? 0 : Math.Max(1, space.PublishedRevision - chance.Below(250)),
                        PrevKv = chance.CoinToss(),
                        ProgressNotify = chance.CoinToss(),
                    });
                    break;
                case < 40:
                    client.Cancel(chance.Below(30));
                    break;
                case < 43:
                    client.RequestProgress();
                    break;
                case < 44:
                    client.Stream.ProgressTick();
                    break;
                case < 45:
                    client.Stream.Dispose();
                    client = new WatchedClient(hub, store) { IsCheckedLater = true };
                    all.Add(client);
                    break;
                default:
                    if (client.IsReady)
                    {
                        client.Drain(chance.Between(1, 20));
                    }

                    break;
            }
        }

        while (client.IsReady)
        {
            client.Drain(100);
        }

        return all;
    }

    private static byte[] Key(int number) => [(byte)'k', (byte)('a' + number)];
}

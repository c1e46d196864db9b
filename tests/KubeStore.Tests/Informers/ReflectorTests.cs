using KubeStore.Failures;
using KubeStore.Informers;
using KubeStore.Tests.Client;
using static KubeStore.Tests.Informers.ScriptedClient;

namespace KubeStore.Tests.Informers;

public sealed class ReflectorTests : IAsyncDisposable
{
    private readonly ManualTime _time = new();
    private readonly ScriptedClient _server = new();
    private readonly List<string> _told = [];
    private SharedInformer? _informer;

    [Fact]
    public async Task It_takes_what_is_at_hand_first_and_watches_from_there()
    {
        _server.Lists(7, ConfigMap("a", 3)).Watches(Added("b", 8), Bookmark(12)).Watches();
        Begin();

        Assert.Equal(["list 0", "watch 7 for 450s with bookmarks", "watch 12 for 450s with bookmarks"], await AskedAsync(3));
        await _time.UntilAsync(() => _informer!.Revision == 12);
        Assert.Equal(["a", "b"], Names());
    }

    [Fact]
    public async Task A_version_that_is_gone_is_listed_again_from_no_earlier_than_that()
    {
        _server.Lists(7, ConfigMap("a", 3), ConfigMap("b", 4)).Watches(Modified("a", 9), TooOld()).Lists(20, ConfigMap("a", 15), ConfigMap("c", 16));
        Begin();

        Assert.Equal(["list 0", "watch 7 for 450s with bookmarks", "list 9", "watch 20 for 450s with bookmarks"], await AskedAsync(4));
        await _time.UntilAsync(() => _informer!.Revision == 20);
        Assert.Equal(["a", "c"], Names());
        await _time.UntilAsync(() => Told().Contains("- b, missed"));
    }

    [Fact]
    public async Task If_even_that_is_too_much_to_ask_it_takes_what_is_there_now()
    {
        _server.Lists(7, ConfigMap("a", 3)).Watches(TooOld()).RefusesToList(Expired()).Lists(5, ConfigMap("z", 2));
        Begin();

        Assert.Equal(["list 0", "watch 7 for 450s with bookmarks", "list 7", "list", "watch 5 for 450s with bookmarks"], await AskedAsync(5));
        await _time.UntilAsync(() => _informer!.Revision == 5);
        Assert.Equal(["z"], Names());
    }

    [Fact]
    public async Task A_connection_that_breaks_is_taken_up_where_it_was()
    {
        _server.Lists(7).Watches(Added("a", 8), new KubeUnreachableException("cut")).Watches(Deleted("a", 9));
        Begin();

        Assert.Equal(["list 0", "watch 7 for 450s with bookmarks", "watch 8 for 450s with bookmarks", "watch 9 for 450s with bookmarks"], await AskedAsync(4));
        await _time.UntilAsync(() => Told().SequenceEqual(["+ a", "- a"]));
    }

    [Fact]
    public async Task A_server_that_fails_is_asked_again_and_again_and_ever_more_seldom()
    {
        var away = new KubeUnreachableException("away");
        _server.RefusesToList(away).RefusesToList(away).RefusesToList(new StatusException(new Status(500, "InternalError", "no"))).Lists(1);
        Begin();

        var pauses = new List<double>();
        Assert.Equal("list 0", await _server.Asked.Reader.ReadAsync(TestContext.Current.CancellationToken));
        for (var i = 0; i < 3; i++)
        {
            var begun = _time.GetTimestamp();
            await _time.UntilAsync(() => _server.Asked.Reader.Count > 0, TimeSpan.FromMilliseconds(50));
            pauses.Add(_time.GetElapsedTime(begun).TotalSeconds);
            await _server.Asked.Reader.ReadAsync(TestContext.Current.CancellationToken);
        }

        // 0.8, 1.6 and 3.2 seconds, and half as much again by chance; less the step with which the clock may have gone on since.
        Assert.True(pauses[0] >= 1.1 && pauses[1] >= 2.3 && pauses[2] >= 4.7, string.Join(' ', pauses));
    }

    [Fact]
    public async Task Another_of_the_same_name_is_told_as_an_end_and_a_beginning()
    {
        _server.Lists(7, ConfigMap("a", 3, "one")).Watches(TooOld()).Lists(9, ConfigMap("a", 8, "two"));
        Begin();

        await _time.UntilAsync(() => Told().SequenceEqual(["+ a", "- a, missed", "+ a"]));
    }

    public async ValueTask DisposeAsync()
    {
        if (_informer is not null)
        {
            await _informer.DisposeAsync();
        }
    }

    private void Begin()
    {
        _informer = new(_server, KubeResource.ConfigMaps, new() { Time = _time, Chance = () => 0.5 });
        _informer.AddHandler(new()
        {
            Added = (value, _) => Tell($"+ {value.Name}"),
            Updated = (_, value) => Tell($"~ {value.Name}"),
            Deleted = (value, isFinal) => Tell($"- {value.Name}{(isFinal ? "" : ", missed")}"),
        });
        _informer.Start();
    }

    private void Tell(string what)
    {
        lock (_told)
        {
            _told.Add(what);
        }
    }

    private string[] Told()
    {
        lock (_told)
        {
            return [.. _told];
        }
    }

    private IEnumerable<string> Names() => _informer!.Store.All().Select(one => one.Name).Order();

    private async Task<List<string>> AskedAsync(int count)
    {
        var asked = new List<string>();
        while (asked.Count < count)
        {
            await _time.UntilAsync(() => _server.Asked.Reader.Count > 0);
            asked.Add(await _server.Asked.Reader.ReadAsync(TestContext.Current.CancellationToken));
        }

        return asked;
    }
}

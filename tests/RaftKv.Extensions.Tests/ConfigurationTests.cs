using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;
using RaftKv.Client;
using RaftKv.Extensions.Configuration;

namespace RaftKv.Extensions.Tests;

public sealed class ConfigurationTests : IDisposable
{
    // A busy machine must not fail a load.
    private static readonly RaftKvConfigurationOptions Shop = new() { Prefix = "shop/", Settle = TimeSpan.Zero, LoadTimeout = TimeSpan.FromMinutes(1) };

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-settings-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string LastGood => Path.Join(_folder, "below", "settings.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Settings_are_what_the_keys_under_the_prefix_are_and_follow_them()
    {
        await using var node = await TestNode.StartAsync();
        await node.Client.PutAsync("shop/Limits/Orders", "10", cancellation: Stop);
        await node.Client.PutAsync("shop/Name", "Käse", cancellation: Stop);
        await node.Client.PutAsync("other/Name", "not ours", cancellation: Stop);
        using var settings = (ConfigurationRoot)new ConfigurationBuilder().AddRaftKv(node.Client, Shop).Build();
        Assert.Equal("10", settings["limits:orders"]);
        Assert.Equal("Käse", settings["Name"]);
        Assert.Equal(["Limits", "Name"], settings.GetChildren().Select(one => one.Key));

        var told = 0;
        using var registration = ChangeToken.OnChange(settings.GetReloadToken, () => Interlocked.Increment(ref told));
        await node.Client.PutAsync("shop/Limits/Orders", "11", cancellation: Stop);
        await Until.IsTrueAsync(() => settings["Limits:Orders"] == "11" && Volatile.Read(ref told) > 0);
        await node.Client.DeleteAsync("shop/Name", cancellation: Stop);
        await Until.IsTrueAsync(() => settings["Name"] is null);

        // Reading anew by hand changes nothing: they are current.
        settings.Reload();
        Assert.Equal("11", settings["Limits:Orders"]);
    }

    [Fact]
    public async Task Settings_that_are_not_to_be_followed_stay_as_they_were_at_the_start()
    {
        await using var node = await TestNode.StartAsync();
        await node.Client.PutAsync("shop/Name", "first", cancellation: Stop);
        using var still = (ConfigurationRoot)new ConfigurationBuilder().AddRaftKv(node.Client, Shop with { ReloadsOnChange = false }).Build();
        using var follows = (ConfigurationRoot)new ConfigurationBuilder().AddRaftKv(node.Client, Shop).Build();
        await node.Client.PutAsync("shop/Name", "second", cancellation: Stop);
        await Until.IsTrueAsync(() => follows["Name"] == "second");
        Assert.Equal("first", still["Name"]);
    }

    [Fact]
    public async Task What_changes_at_once_is_told_at_once()
    {
        await using var node = await TestNode.StartAsync();
        var time = new ManualTime();
        using var settings = (ConfigurationRoot)new ConfigurationBuilder()
            .AddRaftKv(node.Client, Shop with { Settle = TimeSpan.FromSeconds(1), Time = time }).Build();
        var told = 0;
        using var registration = ChangeToken.OnChange(settings.GetReloadToken, () => Interlocked.Increment(ref told));
        await using var watcher = await node.Client.StartWatchAsync(KeyRange.Prefix("shop/"), cancellation: Stop);
        for (var i = 0; i < 5; i++)
        {
            await node.Client.PutAsync($"shop/{i}", "here", cancellation: Stop);
        }

        // The load may have left a timer of its own.
        await Until.IsTrueAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(200));
            return settings["4"] is not null;
        });
        await Until.IsTrueAsync(() => Volatile.Read(ref told) > 0);
        Assert.InRange(Volatile.Read(ref told), 1, 4);
    }

    [Fact]
    public async Task A_start_without_the_store_takes_the_last_good_file_and_the_store_when_it_is_back()
    {
        await using var node = await TestNode.StartAsync(listens: true);
        await using var link = new LinkProxy(node.Node.ClientEndPoints[0]);
        var client = new RaftKvClientOptions { Endpoints = [link.Address], Timeout = TimeSpan.FromSeconds(2) };
        var options = Shop with { LastGoodFile = LastGood };
        await node.Client.PutAsync("shop/Name", "first", cancellation: Stop);
        using (var settings = (ConfigurationRoot)new ConfigurationBuilder().AddRaftKv(client, options).Build())
        {
            Assert.Equal("first", settings["Name"]);
            await node.Client.PutAsync("shop/Name", "second", cancellation: Stop);
            await Until.IsTrueAsync(() => settings["Name"] == "second" && File.ReadAllText(LastGood).Contains("second", StringComparison.Ordinal));
        }

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LastGood));
        }

        link.IsOpen = false;
        link.Cut();
        await node.Client.PutAsync("shop/Name", "third", cancellation: Stop);
        var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        using var away = (ConfigurationRoot)new ConfigurationBuilder()
            .AddRaftKv(client, options with { LoadTimeout = TimeSpan.FromMilliseconds(100), OnFailure = failures.Enqueue }).Build();
        Assert.Equal("second", away["Name"]);
        Assert.Contains(failures, one => one is TimeoutException);
        link.IsOpen = true;
        await Until.IsTrueAsync(() => away["Name"] == "third");
    }

    [Fact]
    public void A_start_without_store_and_file_fails_unless_settings_are_optional()
    {
        var client = new RaftKvClientOptions { Endpoints = [new("http://127.0.0.1:1")] };
        var options = Shop with { LoadTimeout = TimeSpan.FromMilliseconds(100) };
        var builder = new ConfigurationBuilder().AddRaftKv(client, options);
        var away = Assert.Throws<TimeoutException>(() => builder.Build());
        Assert.Contains("shop/", away.Message, StringComparison.Ordinal);
        using var optional = (ConfigurationRoot)new ConfigurationBuilder().AddRaftKv(client, options with { IsOptional = true }).Build();
        Assert.Empty(optional.GetChildren());

        // What cannot work is said before any time is up.
        Assert.Throws<ArgumentException>(() => new ConfigurationBuilder().AddRaftKv(new RaftKvClientOptions(), Shop).Build());
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("{}")]
    [InlineData("""{ "prefix": "other/", "settings": { "other/Name": "x" } }""")]
    [InlineData("""{ "prefix": "shop/", "settings": { "shop/Name": 5 } }""")]
    public void A_file_that_is_not_whole_or_not_ours_is_no_last_good_file(string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(LastGood)!);
        File.WriteAllText(LastGood, text);
        var client = new RaftKvClientOptions { Endpoints = [new("http://127.0.0.1:1")] };
        var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        var options = Shop with { LoadTimeout = TimeSpan.FromMilliseconds(100), LastGoodFile = LastGood, OnFailure = failures.Enqueue };
        Assert.Throws<TimeoutException>(() => new ConfigurationBuilder().AddRaftKv(client, options).Build());
        Assert.Contains(failures, one => one is InvalidDataException);
        Assert.Equal(text, File.ReadAllText(LastGood));
    }
}

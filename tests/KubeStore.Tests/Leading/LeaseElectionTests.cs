using KubeStore.Leading;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Tests.Client;
using KubeStore.Tests.Registry;

namespace KubeStore.Tests.Leading;

public sealed class LeaseElectionTests : RegistryFixture
{
    private readonly ManualTime _time = new();
    private readonly CancellationTokenSource _stop = new();
    private int _leaders;
    private int _most;

    public override async ValueTask DisposeAsync()
    {
        _stop.Dispose();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task The_first_leads_and_says_since_when()
    {
        var leads = New("anna", new SwitchedClient(new RegistryClient(Kube))).LeadAsync(UntilStopped, _stop.Token);
        await _time.UntilAsync(() => Volatile.Read(ref _leaders) == 1);
        var lease = await GetAsync("leases", "default", "office");
        Assert.Equal("anna", lease.TextAt("spec", "holderIdentity"));
        Assert.Equal(15, lease.IntegerAt("spec", "leaseDurationSeconds"));
        Assert.Equal(0, lease.IntegerAt("spec", "leaseTransitions"));

        await _time.UntilAsync(() => Holder().TextAt("spec", "renewTime") != lease.TextAt("spec", "renewTime"));
        Assert.Equal(lease.TextAt("spec", "acquireTime"), Holder().TextAt("spec", "acquireTime"));
        await StopAsync(leads);
        Assert.Equal("", Holder().TextAt("spec", "holderIdentity"));
    }

    [Fact]
    public async Task Who_resigns_is_followed_at_once_and_never_do_two_lead()
    {
        var anna = New("anna", new SwitchedClient(new RegistryClient(Kube)));
        var ben = New("ben", new SwitchedClient(new RegistryClient(Kube)));
        using var resign = new CancellationTokenSource();
        var first = anna.LeadAsync(stop => UntilStopped(stop, resign.Token), _stop.Token);
        await _time.UntilAsync(() => Volatile.Read(ref _leaders) == 1);
        var second = ben.LeadAsync(UntilStopped, _stop.Token);
        var before = _time.GetTimestamp();
        await resign.CancelAsync();
        Assert.True(await first);
        await _time.UntilAsync(() => Holder().TextAt("spec", "holderIdentity") == "ben", TimeSpan.FromMilliseconds(100));

        Assert.True(_time.GetElapsedTime(before) > TimeSpan.Zero);
        await _time.UntilAsync(() => Volatile.Read(ref _leaders) == 1);
        Assert.Equal(1, _most);
        Assert.Equal(1, Holder().IntegerAt("spec", "leaseTransitions"));
        await StopAsync(second);
    }

    [Fact]
    public async Task Who_cannot_renew_stops_before_another_begins()
    {
        using var cut = new SwitchedClient(new RegistryClient(Kube));
        var anna = New("anna", cut);
        var ben = New("ben", new SwitchedClient(new RegistryClient(Kube)));
        var first = anna.LeadAsync(UntilStopped, _stop.Token);
        await _time.UntilAsync(() => Volatile.Read(ref _leaders) == 1);
        cut.IsDown = true;
        var second = ben.LeadAsync(UntilStopped, _stop.Token);
        await _time.UntilAsync(() => first.IsCompleted, TimeSpan.FromMilliseconds(50));
        Assert.False(await first);

        await _time.UntilAsync(() => Volatile.Read(ref _leaders) == 1, TimeSpan.FromMilliseconds(50));
        Assert.Equal(1, _most);
        await StopAsync(second);
    }

    [Fact]
    public async Task Work_that_fails_fails_whoever_leads_and_gives_the_office_back()
    {
        var anna = New("anna", new SwitchedClient(new RegistryClient(Kube)));
        var failed = await Assert.ThrowsAsync<InvalidOperationException>(() => anna.LeadAsync(_ => throw new InvalidOperationException("broken"), _stop.Token));
        Assert.Equal("broken", failed.Message);
        Assert.Equal("", Holder().TextAt("spec", "holderIdentity"));
    }

    private LeaseElection New(string name, SwitchedClient client)
        => new(client, "default", "office", name, new() { Time = _time, Chance = () => 0.5 });

    private System.Text.Json.Nodes.JsonObject Holder() => GetAsync("leases", "default", "office").GetAwaiter().GetResult();

    private Task UntilStopped(CancellationToken stop) => UntilStopped(stop, CancellationToken.None);

    private async Task UntilStopped(CancellationToken stop, CancellationToken resign)
    {
        _most = Math.Max(_most, Interlocked.Increment(ref _leaders));
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, resign);
        await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Interlocked.Decrement(ref _leaders);
    }

    private async Task StopAsync(Task leading)
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leading);
    }
}

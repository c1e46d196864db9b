using KubeStore.Controllers;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Tests.Registry;

namespace KubeStore.Tests.Controllers;

public sealed class ControllerTests : RegistryFixture
{
    private KubeControllers _controllers = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _controllers = await KubeControllers.StartAsync(Kube, Cancellation);
    }

    public override async ValueTask DisposeAsync()
    {
        await _controllers.DisposeAsync();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task A_namespace_ends_with_everything_in_it()
    {
        await CreateAsync("namespaces", "", """{"metadata":{"name":"x"}}""");
        await CreateAsync("configmaps", "x", ConfigMap("a"));
        await CreateAsync("secrets", "x", """{"metadata":{"name":"a"}}""");
        await DeleteAsync("namespaces", "", "x");

        await GoneAsync("namespaces", "", "x");
        Assert.Empty((await Kube.ListAsync(Of("configmaps"), "x", new(), Cancellation)).Items);
    }

    [Fact]
    public async Task A_namespace_says_what_it_is_waiting_for()
    {
        await CreateAsync("namespaces", "", """{"metadata":{"name":"x"}}""");
        await CreateAsync("configmaps", "x", ConfigMap("a", ""","finalizers":["example.com/x"]"""));
        await DeleteAsync("namespaces", "", "x");

        await UntilAsync(async () => (await GetAsync("namespaces", "", "x")).ArrayAt("status", "conditions").Objects()
            .Any(one => one.TextAt("type") == "NamespaceFinalizersRemaining" && one.TextAt("status") == "True"));
        var held = await GetAsync("configmaps", "x", "a");
        held.Ensure("metadata").Remove("finalizers");
        held.Ensure("metadata").Remove("resourceVersion");
        await UpdateAsync("configmaps", "x", held);

        await GoneAsync("namespaces", "", "x");
    }

    [Fact]
    public async Task What_belongs_to_nobody_any_more_goes()
    {
        await OwnedAsync("owner", "owned");
        await DeleteAsync("configmaps", "default", "owner");

        await GoneAsync("configmaps", "default", "owned");
    }

    [Fact]
    public async Task Orphans_stay_and_forget_whom_they_belonged_to()
    {
        await OwnedAsync("owner", "owned");
        await DeleteAsync("configmaps", "default", "owner", new() { Propagation = Propagation.Orphan });

        await GoneAsync("configmaps", "default", "owner");
        Assert.Null((await GetAsync("configmaps", "default", "owned")).At("metadata", "ownerReferences"));
    }

    [Fact]
    public async Task In_the_foreground_the_owner_goes_last()
    {
        await OwnedAsync("owner", "owned", ""","finalizers":["example.com/x"]""");
        await DeleteAsync("configmaps", "default", "owner", new() { Propagation = Propagation.Foreground });
        await UntilAsync(async () => (await GetAsync("configmaps", "default", "owned")).TextAt("metadata", "deletionTimestamp").Length > 0);
        var owner = await GetAsync("configmaps", "default", "owner");
        var owned = await GetAsync("configmaps", "default", "owned");
        owned.Ensure("metadata").Remove("finalizers");
        owned.Ensure("metadata").Remove("resourceVersion");
        await UpdateAsync("configmaps", "default", owned);

        Assert.Equal(["foregroundDeletion"], ObjectMeta.Of(owner).Finalizers);
        await GoneAsync("configmaps", "default", "owner");
    }

    private async Task OwnedAsync(string owner, string owned, string more = "")
    {
        var made = await CreateAsync("configmaps", "default", ConfigMap(owner));
        var reference = $$"""{"apiVersion":"v1","kind":"ConfigMap","name":"{{owner}}","uid":"{{made.TextAt("metadata", "uid")}}","blockOwnerDeletion":true}""";
        await CreateAsync("configmaps", "default", ConfigMap(owned, $",\"ownerReferences\":[{reference}]{more}"));
    }

    private Task GoneAsync(string plural, string ns, string name) => UntilAsync(async () =>
    {
        try
        {
            await GetAsync(plural, ns, name);
            return false;
        }
        catch (StatusException gone) when (gone.Status.Reason == "NotFound")
        {
            return true;
        }
    });

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        while (!await isSo())
        {
            await Task.Delay(20, Cancellation);
        }
    }
}
